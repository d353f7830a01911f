package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// fullDocument is a document in which every field is set.
func fullDocument() *v1alpha1.Workload {
	var m v1alpha1.Workload
	n := 0
	fillAll(reflect.ValueOf(&m).Elem(), "", &n)
	chain := []v1alpha1.Name{"d", "d", "e"}
	m.Spec.Triggers = append(m.Spec.Triggers, v1alpha1.Trigger{Type: "http", Component: "c", Chain: chain, Config: map[string]any{"path": "/c"}})
	m.Spec.Triggers = append(m.Spec.Triggers, v1alpha1.Trigger{Type: "of-somebody-else", Component: "c", Chain: chain, Config: map[string]any{
		"text": "x", "number": int64(1<<53 + 1), "part": 2.5, "yes": true, "list": []any{int64(1), "2", nil}, "map": map[string]any{"a": map[string]any{"b": "1e3"}},
	}})
	return &m
}

// TestDocumentRoundTrips: a document with every field survives YAML, JSON, both in turn, and the way over the workload's
// specification; the YAML and JSON libraries read it as the reader of manifests does.
func TestDocumentRoundTrips(t *testing.T) {
	want := fullDocument()
	requireAllSet(t, reflect.ValueOf(want).Elem(), "document")
	document := want
	for _, step := range []struct {
		name string
		by   func(from, to *v1alpha1.Workload) error
	}{
		{"YAML", func(from, to *v1alpha1.Workload) error {
			text, err := yaml.Marshal(from)
			if err != nil {
				return err
			}
			return yaml.Unmarshal(text, to)
		}},
		{"JSON", func(from, to *v1alpha1.Workload) error {
			text, err := json.Marshal(from)
			if err != nil {
				return err
			}
			dec := json.NewDecoder(bytes.NewReader(text))
			dec.DisallowUnknownFields()
			return dec.Decode(to)
		}},
		{"JSON as YAML", func(from, to *v1alpha1.Workload) error {
			text, err := json.Marshal(from)
			if err != nil {
				return err
			}
			return yaml.Unmarshal(text, to)
		}},
		{"Write", func(from, to *v1alpha1.Workload) error {
			text, err := Write(from)
			if err != nil {
				return err
			}
			return yaml.Unmarshal(text, to)
		}},
	} {
		var next v1alpha1.Workload
		if err := step.by(document, &next); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if !reflect.DeepEqual(&next, want) {
			t.Fatalf("%s: got\n%+v\nwant\n%+v", step.name, next, want)
		}
		document = &next
	}
	// The same by the reader, and by the workload: triggers of types that it has.
	want.Spec.Triggers = want.Spec.Triggers[:len(want.Spec.Triggers)-1]
	for _, write := range []func(*v1alpha1.Workload) ([]byte, error){Write, func(m *v1alpha1.Workload) ([]byte, error) { return json.Marshal(m) }} {
		text, err := write(FromSpec(testFormat.spec(want, "")))
		if err != nil {
			t.Fatal(err)
		}
		var read v1alpha1.Workload
		if d := testFormat.decode("x", text, &read); len(d.errs) > 0 {
			t.Fatalf("%v\n%s", d.errs, text)
		}
		if !reflect.DeepEqual(&read, want) {
			t.Errorf("got\n%+v\nwant\n%+v", read, want)
		}
	}
}

// requireAllSet fails where a field is not set: the round trips would not cover it.
func requireAllSet(t *testing.T, v reflect.Value, where string) {
	t.Helper()
	if v.IsZero() {
		t.Errorf("%s is not set", where)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if kind := v.FieldByName("Type"); f.Name == "Chain" && kind.String() != "http" {
				continue // events of its type pass through nothing
			}
			requireAllSet(t, v.Field(i), where+"."+f.Name)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			other, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if v.Type() != reflect.TypeFor[v1alpha1.Trigger]() && (key == "" || key != other) {
				t.Errorf("%s.%s is %q in JSON and %q in YAML", where, f.Name, key, other)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			requireAllSet(t, v.Index(i), fmt.Sprintf("%s[%d]", where, i))
		}
	}
}

// TestLabelsAndBuildSurvive: fields that a host does not use survive the way over the specification.
func TestLabelsAndBuildSurvive(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(dir, "vitrine.yaml")
	text := strings.Replace(fullManifest, "version: 1.2.0}", `version: 1.2.0, labels: {"app.kubernetes.io/name": shop, n: "1"}, annotations: {note: "a: b\n\tc"}}`, 1)
	w, err := testFormat.Parse(file, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := FromSpec(w)
	over, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var arrived v1alpha1.Workload
	if err := json.Unmarshal(over, &arrived); err != nil {
		t.Fatal(err)
	}
	again, err := testFormat.Spec(&arrived, "")
	if err != nil || !reflect.DeepEqual(again, w) {
		t.Fatalf("%v\ngot  %+v\nwant %+v", err, again, w)
	}
	if again.Labels["n"] != "1" || again.Annotations["note"] != "a: b\n\tc" || again.Components[0].Build.Command[0] != "make" {
		t.Errorf("got %+v", again)
	}
}

// TestSpecFromDocument: a document without a file is checked like one with a file, and its mistakes have no place.
func TestSpecFromDocument(t *testing.T) {
	dir := folder(t)
	good := func() *v1alpha1.Workload {
		m := testFormat.Bare("cart.wasm")
		return m
	}
	if w, err := testFormat.Spec(good(), dir); err != nil || w.Components[0].Source.File != filepath.Join(dir, "cart.wasm") {
		t.Fatalf("%+v, %v", w, err)
	}
	for name, c := range map[string]struct {
		change func(m *v1alpha1.Workload)
		want   string
	}{
		"version":      {func(m *v1alpha1.Workload) { m.APIVersion, m.Kind = "vitrine.dev/v2", "Else" }, `apiVersion: "vitrine.dev/v2": want vitrine.dev/v1alpha1`},
		"kind":         {func(m *v1alpha1.Workload) { m.Kind = "Deployment" }, `kind: "Deployment": want Workload`},
		"no component": {func(m *v1alpha1.Workload) { m.Spec = v1alpha1.Spec{} }, `spec.components: there is no component`},
		"a name":       {func(m *v1alpha1.Workload) { m.Metadata.Name = "A b" }, `metadata.name: "A b": want a name`},
		"a trigger":    {func(m *v1alpha1.Workload) { m.Spec.Triggers[0].Type = "htp" }, `spec.triggers[0].htp: unknown key; want http, timer, messaging, redis or mqtt; did you mean "http"?`},
		"its config":   {func(m *v1alpha1.Workload) { m.Spec.Triggers[0].Config["path"] = int64(1) }, `spec.triggers[0].http.path: want a text, had the number 1`},
		"a service": {func(m *v1alpha1.Workload) { m.Spec.Services = []v1alpha1.Service{{Component: "carts"}} },
			`spec.services[0].component: there is no component named "carts"`},
	} {
		m := good()
		c.change(m)
		_, err := testFormat.Spec(m, dir)
		var es Errors
		if !errors.As(err, &es) || !strings.HasPrefix(es.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestUnknownVersion: the error about a document of an unknown version names the known versions and nothing else.
func TestUnknownVersion(t *testing.T) {
	file := filepath.Join(folder(t), "vitrine.yaml")
	for _, c := range []struct{ text, want string }{
		{"apiVersion: vitrine.dev/v9\nkind: Group\nspec: {members: []}\n", `:1:13: apiVersion: "vitrine.dev/v9": want vitrine.dev/v1alpha1`},
		{`{"spec": [], "apiVersion": "apps/v1"}`, `:1:28: apiVersion: "apps/v1": want vitrine.dev/v1alpha1`},
		{"apiVersion: ''\n", `:1:13: apiVersion: "": want vitrine.dev/v1alpha1`},
	} {
		_, err := testFormat.Document(file, []byte(c.text))
		if err == nil || err.Error() != file+c.want {
			t.Errorf("%s: got %v", c.text, err)
		}
	}
}

const schemaHead = "apiVersion: vitrine.dev/v1alpha1\nkind: Workload\nmetadata: {name: shop}\nspec:\n  "

const oneComponent = schemaHead + "components: [{name: a, source: {file: cart.wasm}}]\n  "

// componentWith is a manifest of oneComponent component with further keys.
func componentWith(keys string) string {
	return schemaHead + "components: [{name: a, source: {file: cart.wasm}, " + keys + "}]"
}

// schemaCase is a manifest, and whether it is valid.
type schemaCase struct {
	text string
	ok   bool
}

// structureCases are manifests with valid and invalid keys and structures.
func structureCases() map[string]schemaCase {
	return map[string]schemaCase{
		"full":                   {fullManifest, true},
		"least":                  {oneComponent, true},
		"nothing":                {"{}", false},
		"a text":                 {"hello", false},
		"another version":        {strings.Replace(oneComponent, "v1alpha1", "v1", 1), false},
		"another kind":           {strings.Replace(oneComponent, "Workload", "Pod", 1), false},
		"no metadata":            {strings.Replace(oneComponent, "metadata: {name: shop}\n", "", 1), false},
		"metadata of nothing":    {strings.Replace(oneComponent, "{name: shop}", "", 1), false},
		"no components":          {schemaHead + "components: []", false},
		"components of nothing":  {schemaHead + "components:", false},
		"unknown key":            {componentWith("zebra: 1"), false},
		"unknown key above":      {oneComponent + "zebra: 1", false},
		"keys without value":     {componentWith("limits: , environment: , args: , grants: {http: , files: }, instances: {isolation: , max: }, telemetry: "), true},
		"empty":                  {componentWith("limits: {}, environment: {}, args: [], grants: {}, links: {}"), true},
		"labels":                 {strings.Replace(oneComponent, "name: shop", "name: shop, labels: {a/b: c}, annotations: {d: ''}", 1), true},
		"a label of a number":    {strings.Replace(oneComponent, "name: shop", "name: shop, labels: {a: 1}", 1), false},
		"source of nothing":      {schemaHead + "components: [{name: a, source: {}}]", false},
		"source empty":           {schemaHead + "components: [{name: a, source: {file: ''}}]", false},
		"source of two":          {schemaHead + "components: [{name: a, source: {file: cart.wasm, image: x}}]", false},
		"image":                  {schemaHead + "components: [{name: a, source: {image: r.example.com/x}}]", true},
		"image empty":            {schemaHead + "components: [{name: a, source: {image: ''}}]", false},
		"verify":                 {schemaHead + "components: [{name: a, source: {image: r.example.com/x}, verify: {key: cart.wasm}}]", true},
		"verify unknown":         {schemaHead + "components: [{name: a, source: {image: r.example.com/x}, verify: {keys: cart.wasm}}]", false},
		"services":               {oneComponent + "services: [{component: a, restart: always, maxRestarts: 3, backoff: 1s}]", true},
		"services, a word":       {oneComponent + "services: [{component: a, restart: sometimes}]", false},
		"services, none":         {oneComponent + "services: []", true},
		"services of nothing":    {oneComponent + "services:", true},
		"services, no list":      {oneComponent + "services: {}", false},
		"reuse":                  {componentWith("instances: {isolation: reuse, max: 8, concurrency: 16, uses: 1000, idle: 5s}"), true},
		"concurrency":            {componentWith("instances: {concurrency: 2}"), true},
		"snapshot":               {componentWith("instances: {isolation: snapshot, max: 3, queue: 1, ready: 0, idle: 5s}"), true},
		"fraction":               {componentWith("instances: {max: 1.5}"), false},
		"too few":                {componentWith("instances: {max: 0}"), false},
		"too many":               {componentWith("instances: {max: 1000001}"), false},
		"below nothing":          {componentWith("instances: {ready: -1}"), false},
		"trigger":                {oneComponent + "triggers: [{http: {path: /, component: a}}]", true},
		"trigger without path":   {oneComponent + "triggers: [{http: {component: a}}]", false},
		"trigger of nothing":     {oneComponent + "triggers: [{}]", false},
		"trigger without value":  {oneComponent + "triggers: [{http: }]", false},
		"trigger of two":         {oneComponent + "triggers: [{http: {path: /, component: a}, timer: {every: 1s, component: a}}]", false},
		"timer":                  {oneComponent + "triggers: [{timer: {every: 1s, queue: 3, component: a}}]", true},
		"timer by cron":          {oneComponent + "triggers: [{timer: {cron: \"*/5 * * * mon-fri\", zone: Europe/Berlin, component: a}}]", true},
		"timer of a long queue":  {oneComponent + "triggers: [{timer: {every: 1s, queue: 1001, component: a}}]", false},
		"trigger of later":       {oneComponent + "triggers: [{bell: {component: a}}]", false},
		"trigger with a chain":   {oneComponent + "triggers: [{http: {path: /, component: a, chain: [a, a]}}]", true},
		"trigger with no chain":  {oneComponent + "triggers: [{http: {path: /, component: a, chain: }}]", true},
		"an empty chain":         {oneComponent + "triggers: [{http: {path: /, component: a, chain: []}}]", true},
		"a long chain":           {oneComponent + "triggers: [{http: {path: /, component: a, chain: [" + strings.Repeat("a,", 32) + "]}}]", true},
		"too long a chain":       {oneComponent + "triggers: [{http: {path: /, component: a, chain: [" + strings.Repeat("a,", 33) + "]}}]", false},
		"chain of a text":        {oneComponent + "triggers: [{http: {path: /, component: a, chain: a}}]", false},
		"chain of no name":       {oneComponent + "triggers: [{http: {path: /, component: a, chain: [A]}}]", false},
		"trigger of a typo":      {oneComponent + "triggers: [{htp: {path: /, component: a}}]", false},
		"variables":              {componentWith("environment: {A: b, c.d: ''}"), true},
		"variable with =":        {componentWith("environment: {'A=b': c}"), false},
		"variable without name":  {componentWith("environment: {'': c}"), false},
		"variable of a number":   {componentWith("environment: {A: 1}"), false},
		"link":                   {schemaHead + "components: [{name: a, source: {file: cart.wasm}, links: {'x:y/z@1.0.0': b}}, {name: b, source: {file: price.wasm}}]", true},
		"link of no interface":   {schemaHead + "components: [{name: a, source: {file: cart.wasm}, links: {'x:y': b}}, {name: b, source: {file: price.wasm}}]", false},
		"folder":                 {componentWith("grants: {files: [{host: data, guest: /d}, {host: data, guest: /e, access: write}]}"), true},
		"folder of another kind": {componentWith("grants: {files: [{host: data, guest: /d, access: execute}]}"), false},
		"folder without a guest": {componentWith("grants: {files: [{host: data}]}"), false},
		"detail":                 {componentWith("telemetry: {detail: all}"), true},
		"another detail":         {componentWith("telemetry: {detail: some}"), false},
		"lines":                  {componentWith("telemetry: {lines: text}"), true},
		"other lines":            {componentWith("telemetry: {lines: yes}"), false},
		"guest off":              {componentWith("telemetry: {guest: off}"), true},
		"guest on":               {componentWith("telemetry: {detail: all, guest: on}"), true},
		"another guest":          {componentWith("telemetry: {guest: some}"), false},
	}
}

// valueCases are manifests with valid and invalid values of each grammar.
func valueCases() map[string]schemaCase {
	cases := map[string]schemaCase{}
	for key, values := range map[string]struct{ good, bad []string }{
		"limits: {memory: %s}": {[]string{"1", "64Mi", "64MiB", "500k", "1G", "'10'", "1kB", "010"}, []string{"0", "'0'", "0Mi", "-1", "1.5", "1.5Gi", "64 Mi", "x", "true", "[]", "{}", "''", "Mi", "1m"}},
		"limits: {fuel: %s}":   {[]string{"1", "20k", "2G", "'7'", "1T"}, []string{"0", "0k", "-2", "1Ki", "x", "''", "1.5"}},
		"limits: {deadline: %s}": {[]string{"30s", "1m30s", "1.5h", "250ms", ".5s", "1us", "1µs", "0h1m", "+1s", "1.s", "00.5s"},
			[]string{"30", "0s", "0m0s", "-1s", "1d", "s", "1 s", "''", "1s1", ".s", "1.5", "0.0s"}},
		"limits: {tables: %s}": {[]string{"1", "4294967295"}, []string{"0", "4294967296", "1k", "x"}},
		"grants: {http: [%s]}": {[]string{"'*'", "http://a", "https://a.b:8443", "https://a/", "'https://*.a.b'", "'http://[::1]:9'", "h2c://a:50051", "HTTPS://A/", "'http://*:*'", "http://a:65535"},
			[]string{"a.b", "ftp://a", "https://a/b", "'https://a?b'", "https://u@a", "''", "1", "http://a:65536", "http://a:080", "'http://a*b'", "'http://*b'", "'http://::1'", "'http://[::1'", "'http://[1.2]x'", "'http://a:'"}},
		"grants: {sockets: {connect: [%s]}}": {[]string{"'127.0.0.1:80'", "'[::1]:80'", "'*:53'", "'*'", "'h:*'", "'*:*'"}, []string{"h", "'h:'", "''", "'h:x'", "80", "'h:65536'", "'a*:1'", "'::1:80'", "'h/:1'", "'a@b:1'"}},
	} {
		for _, v := range values.good {
			cases[fmt.Sprintf(key, v)] = schemaCase{componentWith(fmt.Sprintf(key, v)), true}
		}
		for _, v := range values.bad {
			cases[fmt.Sprintf(key, v)] = schemaCase{componentWith(fmt.Sprintf(key, v)), false}
		}
	}
	for key, values := range map[string]struct{ good, bad []string }{
		"replicas: %s":                  {[]string{"0", "3", "null"}, []string{"-1", "many", "10001", "1.5"}},
		"placement: %s":                 {[]string{"pods", "hosts", "null"}, []string{"nowhere", "1"}},
		"rollout: {maxSurge: %s}":       {[]string{"0", "2"}, []string{"-1", "x"}},
		"rollout: {maxUnavailable: %s}": {[]string{"0", "2"}, []string{"-1", "25%"}},
		"rollout: {deadline: %s}":       {[]string{"10m"}, []string{"10", "0s"}},
	} {
		for _, v := range values.good {
			cases[fmt.Sprintf(key, v)] = schemaCase{oneComponent + fmt.Sprintf(key, v), true}
		}
		for _, v := range values.bad {
			cases[fmt.Sprintf(key, v)] = schemaCase{oneComponent + fmt.Sprintf(key, v), false}
		}
	}
	for _, name := range []string{"a", "a-b", "0", strings.Repeat("a", 63)} {
		cases["name "+name] = schemaCase{strings.Replace(oneComponent, "name: shop", "name: '"+name+"'", 1), true}
	}
	for _, name := range []string{"", "A", "a_b", "-a", "a-", "a.b", "ä", strings.Repeat("a", 64)} {
		cases["no name "+name] = schemaCase{strings.Replace(oneComponent, "name: shop", "name: '"+name+"'", 1), false}
	}
	return cases
}

// TestSchemaMatchesReader: the schema accepts what the reader accepts and refuses what it refuses.
func TestSchemaMatchesReader(t *testing.T) {
	dir := folder(t)
	text, err := testFormat.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	cases := structureCases()
	maps.Copy(cases, valueCases())
	for name, c := range cases {
		_, reader := testFormat.Parse(filepath.Join(dir, "vitrine.yaml"), []byte(c.text))
		var doc any
		if err := yaml.Unmarshal([]byte(c.text), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		why := validate(schema, doc, "")
		if (reader == nil) != c.ok {
			t.Errorf("%s: the reader says %v", name, reader)
		}
		if (why == "") != c.ok {
			t.Errorf("%s: the schema says %q; the reader %v", name, why, reader)
		}
	}
}

// validate returns the place and the keyword by which a schema refuses a value; empty if it accepts it. It supports the keywords
// that the schema uses.
func validate(schema map[string]any, v any, where string) string {
	for keyword, want := range schema {
		refuses := false
		switch keyword {
		case "$schema", "$id", "title", "description", "properties":
		case "type":
			types, several := want.([]any)
			if !several {
				types = []any{want}
			}
			refuses = !slices.ContainsFunc(types, func(t any) bool { return isOf(v, t.(string)) })
		case "enum":
			refuses = !slices.Contains(want.([]any), v)
		case "pattern":
			s, ok := v.(string)
			refuses = ok && !regexp.MustCompile(want.(string)).MatchString(s)
		case "minLength":
			s, ok := v.(string)
			refuses = ok && float64(len(s)) < want.(float64)
		case "minimum", "maximum":
			n, ok := v.(int)
			refuses = ok && (keyword == "minimum" && float64(n) < want.(float64) || keyword == "maximum" && float64(n) > want.(float64))
		case "oneOf":
			n := 0
			for _, s := range want.([]any) {
				if validate(s.(map[string]any), v, where) == "" {
					n++
				}
			}
			refuses = n != 1
		case "minItems", "maxItems":
			list, ok := v.([]any)
			n := float64(len(list))
			refuses = ok && (keyword == "minItems" && n < want.(float64) || keyword == "maxItems" && n > want.(float64))
		case "items":
			list, _ := v.([]any)
			for i, e := range list {
				if why := validate(want.(map[string]any), e, fmt.Sprintf("%s[%d]", where, i)); why != "" {
					return why
				}
			}
		default:
			m, ok := v.(map[string]any)
			if !ok {
				continue
			}
			why, known := validateMapping(schema, keyword, want, m, where)
			if !known {
				return where + ": the test does not know the keyword " + keyword
			}
			if why != "" {
				return why
			}
		}
		if refuses {
			return where + ": " + keyword
		}
	}
	return ""
}

func isOf(v any, kind string) bool {
	switch v.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case int:
		return kind == "integer" || kind == "number"
	case float64:
		return kind == "number"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}

func validateMapping(schema map[string]any, keyword string, want any, m map[string]any, where string) (why string, known bool) {
	properties, _ := schema["properties"].(map[string]any)
	for _, k := range sortedKeys(m) {
		var s any
		switch p, has := properties[k]; {
		case keyword == "propertyNames":
			if why := validate(want.(map[string]any), k, where+"."+k); why != "" {
				return why, true
			}
			continue
		case keyword != "additionalProperties":
			continue
		case has:
			s = p
		default:
			s = want
		}
		if s == false {
			return where + "." + k + ": additionalProperties", true
		}
		if why := validate(s.(map[string]any), m[k], where+"."+k); why != "" {
			return why, true
		}
	}
	switch keyword {
	case "required":
		for _, k := range want.([]any) {
			if _, ok := m[k.(string)]; !ok {
				return where + ": required " + k.(string), true
			}
		}
	case "minProperties":
		if float64(len(m)) < want.(float64) {
			return where + ": minProperties", true
		}
	case "maxProperties":
		if float64(len(m)) > want.(float64) {
			return where + ": maxProperties", true
		}
	case "additionalProperties", "propertyNames":
	default:
		return "", false
	}
	return "", true
}
