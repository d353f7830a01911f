package autoconf

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/vitrine-wasm/vitrine/internal/redact"
	"github.com/vitrine-wasm/vitrine/internal/text"
)

// SettingError is an environment variable whose value would keep a signal from being sent. Other bad values are warned of
// instead, as the specification says.
type SettingError struct {
	Variable string
	Why      string // what is wrong; holds no secrets
	Do       string // how to put it right
	Err      error  // may be nil
}

// Error is "VARIABLE: why; do".
func (e *SettingError) Error() string {
	s := e.Variable + ": " + e.Why
	if e.Do != "" {
		s += "; " + e.Do
	}
	return s
}

// Unwrap is the cause.
func (e *SettingError) Unwrap() error { return e.Err }

// rule returns the wanted form if a value does not have it, and else "".
type rule func(value string) (want string)

func oneOf(known ...string) rule {
	return func(v string) string {
		if slices.Contains(known, strings.ToLower(v)) {
			return ""
		}
		return "want " + orList(known)
	}
}

func orList(words []string) string {
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

func integer(what string, least int) rule {
	return func(v string) string {
		if n, err := strconv.Atoi(v); err != nil || n < least {
			return "want " + what
		}
		return ""
	}
}

var (
	boolean = oneOf("true", "false")
	millis  = integer("a number of milliseconds", 0)
	count   = integer("a positive number", 1)
	limit   = integer("a number, or -1 for none", -1)
)

// headerList is "name=value,…", as OTEL_EXPORTER_OTLP_HEADERS is.
func headerList(v string) string {
	for pair := range strings.SplitSeq(v, ",") {
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			return "want name=value, several with commas between them"
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) }):
			return "one of the names is none of a header; want name=value"
		}
		if _, err := url.PathUnescape(value); err != nil {
			return "one of the values is not percent-encoded"
		}
	}
	return ""
}

// sdkVariables are the variables that the SDK reads itself. It reports a bad value late, or not at all, or with the value.
func sdkVariables() map[string]rule {
	m := map[string]rule{
		"OTEL_BLRP_SCHEDULE_DELAY": millis, "OTEL_BLRP_EXPORT_TIMEOUT": millis, "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": count,
		"OTEL_METRIC_EXPORT_INTERVAL": count, "OTEL_METRIC_EXPORT_TIMEOUT": count,
		"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": limit, "OTEL_ATTRIBUTE_COUNT_LIMIT": limit,
		"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": limit, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": limit,
		"OTEL_SPAN_EVENT_COUNT_LIMIT": limit, "OTEL_SPAN_LINK_COUNT_LIMIT": limit, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": limit,
		"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": limit, "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": limit, "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": limit,
		"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": oneOf("cumulative", "delta", "lowmemory"),
		histogramAggregation: oneOf("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
		"OTEL_EXPORTER_PROMETHEUS_PORT": func(v string) string {
			if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 65535 {
				return "want a port, 0 to 65535"
			}
			return ""
		},
	}
	for _, s := range []string{"", "TRACES_", "METRICS_", "LOGS_"} {
		m["OTEL_EXPORTER_OTLP_"+s+"TIMEOUT"] = millis
		m["OTEL_EXPORTER_OTLP_"+s+"COMPRESSION"] = oneOf("gzip", "none")
		m["OTEL_EXPORTER_OTLP_"+s+"INSECURE"] = boolean
		m["OTEL_EXPORTER_OTLP_"+s+"HEADERS"] = headerList
	}
	return m
}

// checkVariables warns of bad values of the variables that the SDK reads itself, and of misspelled names.
func (e environment) checkVariables() {
	all := sdkVariables()
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if v := e.Text(key); v != "" {
			if want := all[key](v); want != "" {
				e.WarnIgnored(key, v, want)
			}
		}
	}
	e.checkNames(os.Environ())
}

// endpoint returns the OTLP endpoint of s and the variable that sets it; both are empty if none does. It fails for an endpoint
// to which nothing can be sent, and for a certificate that cannot be read.
func (e environment) endpoint(s signal) (where, key string, err error) {
	own := "OTEL_EXPORTER_OTLP_" + strings.ToUpper(string(s)) + "_"
	for _, prefix := range []string{own, "OTEL_EXPORTER_OTLP_"} {
		if where = e.Text(prefix + "ENDPOINT"); where != "" {
			key = prefix + "ENDPOINT"
			break
		}
	}
	if key != "" {
		if why := badEndpoint(where, e.quiet().protocol(s) == protoGRPC); why != "" {
			return "", key, &SettingError{Variable: key, Why: why, Do: "write it as http://HOST:PORT, or https://HOST:PORT where the collector has a certificate"}
		}
	}
	for _, file := range []string{"CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"} {
		for _, prefix := range []string{own, "OTEL_EXPORTER_OTLP_"} {
			name := e.Text(prefix + file)
			if name == "" {
				continue
			}
			if _, err := os.ReadFile(name); err != nil {
				var path *os.PathError
				why := "the file cannot be read"
				if errors.As(err, &path) {
					why = text.Printable(name) + ": " + path.Err.Error()
				}
				return "", key, &SettingError{Variable: prefix + file, Why: why, Do: "give the path of a file in PEM format", Err: err}
			}
			break
		}
	}
	return where, key, nil
}

// defaultEndpoint is the URL for s by OTLP if no variable sets one; empty if one does. The specification's default is http, the
// SDK's https.
func (e environment) defaultEndpoint(s signal) string {
	own := "OTEL_EXPORTER_OTLP_" + strings.ToUpper(string(s)) + "_"
	for _, prefix := range []string{own, "OTEL_EXPORTER_OTLP_"} {
		for _, name := range []string{"ENDPOINT", "CERTIFICATE", "CLIENT_CERTIFICATE"} {
			if e.Text(prefix+name) != "" {
				return ""
			}
		}
	}
	if e.quiet().protocol(s) == protoGRPC {
		return "http://localhost:4317"
	}
	return "http://localhost:4318/v1/" + string(s)
}

// badEndpoint says why nothing can be sent to where; "" if it can. It does not quote where, which may hold a login.
func badEndpoint(where string, grpc bool) string {
	u, err := url.Parse(where)
	if err != nil {
		return "it is no URL"
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case (scheme == "http" || scheme == "https") && u.Host == "":
		return "there is no host"
	case scheme == "http" || scheme == "https":
		return ""
	case grpc && slices.Contains([]string{"unix", "dns", "passthrough", "ipv4", "ipv6", "xds", "unix-abstract", "vsock"}, scheme):
		return ""
	case u.Scheme != "" && u.Host != "":
		return "the scheme is neither http nor https"
	}
	return "there is no scheme"
}

// destination describes the endpoint of s and the variable that sets it, for messages.
func (e environment) destination(s signal) string {
	where, key, err := e.endpoint(s)
	switch {
	case err != nil:
		return ""
	case key != "":
		return key + "=" + redact.Text(where)
	case e.quiet().protocol(s) == protoGRPC:
		return "http://localhost:4317, the default; OTEL_EXPORTER_OTLP_ENDPOINT names another"
	}
	return "http://localhost:4318, the default; OTEL_EXPORTER_OTLP_ENDPOINT names another"
}

// settingError makes a SettingError of the error of an exporter that could not be made.
func (e environment) settingError(s signal, name string, err error) error {
	var setting *SettingError
	if errors.As(err, &setting) {
		return setting
	}
	key := exporterKey(s)
	var op *net.OpError
	var dns *net.DNSError
	if name != "prometheus" || !errors.As(err, &op) {
		return &SettingError{Variable: key, Why: fmt.Sprintf("exporter %s: %s", name, redact.Text(err.Error())), Err: err}
	}
	host, port := e.Text("OTEL_EXPORTER_PROMETHEUS_HOST"), e.Text("OTEL_EXPORTER_PROMETHEUS_PORT")
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "9464"
	}
	out := &SettingError{Variable: "OTEL_EXPORTER_PROMETHEUS_PORT", Why: text.Printable(net.JoinHostPort(host, port)) + ": " + op.Err.Error(), Err: err,
		Do: "choose another port with it, or stop what listens there"}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		out.Why = "the port is in use: " + text.Printable(net.JoinHostPort(host, port))
	case errors.As(err, &dns), errors.Is(err, syscall.EADDRNOTAVAIL):
		out.Variable, out.Do = "OTEL_EXPORTER_PROMETHEUS_HOST", "give an address of this machine"
	}
	return out
}
