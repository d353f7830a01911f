package spintoml

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/cli/internal/foreign"
	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// brokers are what an application says of the servers of its triggers, once for all of a type.
type brokers struct {
	redis string
	mqtt  mqttBroker
}

type mqttBroker struct{ address, username string }

// readBrokers reads application.trigger.redis and application.trigger.mqtt.
func (i *importer) readBrokers(triggers foreign.Table) {
	redis := triggers.Sub("redis")
	i.brokers.redis = i.address(redis, "redis://")
	redis.Rest(nil)
	mqtt := triggers.Sub("mqtt")
	i.brokers.mqtt = mqttBroker{i.address(mqtt, "mqtt://"), i.expanded(mqtt, "username")}
	if mqtt.Take("password") != nil {
		i.Note(mqtt.At("password"), "left out: a manifest has no passwords; put it into the environment, and write password: {env: NAME} into each trigger of MQTT")
	}
	mqtt.Take("keep_alive_interval") // the connection is kept alive as it needs
	mqtt.Rest(nil)
}

// expanded is a text with the values of variables.
func (i *importer) expanded(t foreign.Table, key string) string {
	text, why := i.expand(t.Text(key))
	if why != "" {
		i.Note(t.At(key), "left out: %s", why)
	}
	return text
}

// address is the address of a server, without the login; empty where there is none that can be written.
func (i *importer) address(t foreign.Table, scheme string) string {
	text := i.expanded(t, "address")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != strings.TrimSuffix(scheme, "://") && u.Scheme != strings.TrimSuffix(scheme, "://")+"s" {
		i.Note(t.At("address"), "left out: want %sHOST:PORT", scheme)
		return ""
	}
	if u.User != nil {
		i.Note(t.At("address"), "its user and password are left out: write username, and password: {env: NAME}, beside it")
		u.User = nil
	}
	return u.String()
}

// eventTriggers reads the triggers of one type. each makes the config of one, or says what it lacks.
func (i *importer) eventTriggers(t foreign.Table, kind string, each func(t foreign.Table) (config map[string]any, lacks string)) {
	for n, v := range t.List(kind) {
		at := fmt.Sprintf("%s[%d]", t.At(kind), n)
		one, ok := i.Table(at, v)
		if !ok {
			i.Note(at, "left out: want a table")
			continue
		}
		one.Take("id") // a name for messages
		component, _ := one.Take("component").(string)
		name, known := i.names[component]
		config, lacks := each(one)
		switch {
		case !known:
			i.Note(cmp.Or(one.At("component"), at), "the trigger is left out: want the name of a component of the file")
		case lacks != "":
			i.Note(at, "the trigger is left out: %s", lacks)
		default:
			i.workload.Spec.Triggers = append(i.workload.Spec.Triggers, v1alpha1.Trigger{Type: kind, Component: name, Config: config})
		}
		one.Rest(nil)
	}
}

func (i *importer) redisTrigger(t foreign.Table) (config map[string]any, lacks string) {
	address, channel := cmp.Or(i.address(t, "redis://"), i.brokers.redis), i.expanded(t, "channel")
	switch {
	case address == "":
		return nil, "there is no address of a server, in it or in application.trigger.redis"
	case channel == "":
		return nil, "there is no channel"
	}
	return map[string]any{"address": address, "channel": channel}, ""
}

func (i *importer) mqttTrigger(t foreign.Table) (config map[string]any, lacks string) {
	topic := i.expanded(t, "topic")
	qos := 0
	switch v := t.Take("qos").(type) {
	case nil:
	case int64:
		qos = int(v)
	case string:
		n, err := strconv.Atoi(v)
		if err != nil {
			n = -1
		}
		qos = n
	default:
		qos = -1
	}
	switch {
	case i.brokers.mqtt.address == "":
		return nil, "there is no address of a broker in application.trigger.mqtt"
	case topic == "":
		return nil, "there is no topic"
	case qos < 0 || qos > 2:
		return nil, "want a qos of 0, 1 or 2"
	}
	config = map[string]any{"address": i.brokers.mqtt.address, "topic": topic, "qos": qos}
	if u := i.brokers.mqtt.username; u != "" {
		config["username"] = u
	}
	return config, ""
}

// serverGrant grants a server of Redis or MQTT by its address, or says why not.
func serverGrant(g *v1alpha1.Grants, scheme, host, port string) (why string) {
	if strings.Contains(host+port, "*") {
		return "a grant names one server, by its host and port"
	}
	address := scheme + "://" + host + ":" + port
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "want a host and a port"
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
		return "want a host and a port"
	}
	to, kind := &g.Redis, "redis"
	if strings.HasPrefix(scheme, "mqtt") {
		to, kind = &g.MQTT, "mqtt"
	}
	if *to == nil {
		*to = map[string]v1alpha1.StoreGrant{}
	}
	(*to)[address] = v1alpha1.StoreGrant{Type: kind, Config: address}
	return ""
}
