package crd

import (
	"fmt"
	"slices"
	"strings"
)

// at returns the schema at a path of properties; "[]" is the items of a list, "*" the values of a mapping.
func at(schema object, path ...string) (object, error) {
	for i, name := range path {
		var next any
		switch name {
		case "[]":
			next = schema["items"]
		case "*":
			next = schema["additionalProperties"]
		default:
			properties, _ := schema["properties"].(object)
			next = properties[name]
		}
		s, ok := next.(object)
		if !ok {
			return nil, fmt.Errorf("the schema has no %s", strings.Join(path[:i+1], "."))
		}
		schema = s
	}
	return schema, nil
}

// bound sets keywords of the schema at a path.
func bound(spec object, keywords object, path ...string) error {
	s, err := at(spec, path...)
	if err != nil {
		return err
	}
	for k, v := range keywords {
		s[k] = v
	}
	return nil
}

const exists = "self.components.exists(d, d.name == %s)"

// addRules adds bounds and the rules that are about more than one value. imports is the pattern of the keys of links; those of other mappings
// are for the host to check, since a rule for each of them would cost more than it is worth.
func addRules(spec object, imports string) error {
	name := object{"maxLength": 63}
	component := []string{"components", "[]"}
	in := func(path ...string) []string { return append(slices.Clone(component), path...) }
	for _, b := range []struct {
		keywords object
		path     []string
	}{
		{object{"maxItems": maxComponents, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []any{"name"}}, []string{"components"}},
		{object{"maxItems": maxTriggers, "x-kubernetes-list-type": "atomic"}, []string{"triggers"}},
		{object{"maxItems": maxServices, "x-kubernetes-list-type": "atomic"}, []string{"services"}},
		{name, in("name")}, {object{"maxProperties": maxEntries / 2}, in("links")}, {object{"maxProperties": maxEntries}, in("grants", "secrets")}, {name, in("links", "*")}, {name, []string{"services", "[]", "component"}},
		{object{"maxItems": maxEntries}, in("grants", "http")}, {object{"maxLength": maxText}, in("grants", "http", "[]")},
		{object{"maxItems": maxEntries}, in("grants", "sockets", "connect")}, {object{"maxLength": maxText}, in("grants", "sockets", "connect", "[]")},
		{object{"maxItems": maxEntries}, in("grants", "sockets", "listen")}, {object{"maxLength": maxText}, in("grants", "sockets", "listen", "[]")},
	} {
		if err := bound(spec, b.keywords, b.path...); err != nil {
			return err
		}
	}
	replicas, err := at(spec, "replicas")
	if err != nil {
		return err
	}
	delete(replicas, "nullable") // so that the default takes its place
	replicas["default"], replicas["format"] = 1, "int32"

	links, err := at(spec, in("links")...)
	if err != nil {
		return err
	}
	addRule(links, object{"rule": "self.all(k, k.matches(" + quote(imports) + "))", "message": "want names of imports, such as shop:price/price"})
	verify, err := at(spec, component...)
	if err != nil {
		return err
	}
	addRule(verify, object{"rule": "!has(self.verify) || has(self.source.image)", "fieldPath": ".verify", "message": "the key is for an image; a file has no signature"})

	bad := "has(c.links) && c.links.exists(i, c.links[i] == c.name || !" + fmt.Sprintf(exists, "c.links[i]") + ")"
	addRule(spec, object{"rule": "!self.components.exists(c, " + bad + ")", "fieldPath": ".components",
		"message": "components[].links: one leads to a component that does not exist, or to its own"})
	addRule(spec, object{"rule": "!has(self.services) || self.services.all(s, " + fmt.Sprintf(exists, "s.component") + ")", "fieldPath": ".services",
		"message": "services[].component: there is no component of that name"})
	if err := triggerRules(spec); err != nil {
		return err
	}
	const onHosts = "(has(%[1]s.placement) && %[1]s.placement == 'hosts')"
	addRule(spec, object{"rule": fmt.Sprintf(onHosts, "self") + " == " + fmt.Sprintf(onHosts, "oldSelf"), "fieldPath": ".placement",
		"message": "it cannot change: delete the workload, and apply it again"})
	addRule(spec, object{"rule": "!has(self.rollout) || !has(self.rollout.maxSurge) || self.rollout.maxSurge > 0 || (has(self.rollout.maxUnavailable) && self.rollout.maxUnavailable > 0)",
		"fieldPath": ".rollout", "message": "want maxSurge or maxUnavailable to be more than 0: without either nothing can be replaced"})
	return nil
}

// triggerRules are that what triggers call exists, for each type of trigger by itself.
func triggerRules(spec object) error {
	triggers, err := at(spec, "triggers", "[]")
	if err != nil {
		return err
	}
	properties, _ := triggers["properties"].(object)
	types := make([]string, 0, len(properties))
	for t := range properties {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		if c, err := at(triggers, t, "component"); err == nil {
			c["maxLength"] = 63
			addRule(spec, object{"rule": fmt.Sprintf("!has(self.triggers) || self.triggers.all(t, !has(t.%[1]s) || !has(t.%[1]s.component) || "+exists+")", t, "t."+t+".component"),
				"fieldPath": ".triggers", "message": "triggers[]." + t + ".component: there is no component of that name"})
		}
		if c, err := at(triggers, t, "chain"); err == nil {
			c["items"].(object)["maxLength"] = 63
			c["maxItems"] = maxEntries / 4
			addRule(spec, object{"rule": fmt.Sprintf("!has(self.triggers) || self.triggers.all(t, !has(t.%[1]s) || !has(t.%[1]s.chain) || t.%[1]s.chain.all(x, "+exists+"))", t, "x"),
				"fieldPath": ".triggers", "message": "triggers[]." + t + ".chain: there is no component of that name"})
		}
	}
	return nil
}
