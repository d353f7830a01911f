package spintoml

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/vitrine-wasm/vitrine/workload/v1alpha1"
)

// brokers are what an application says of the servers of its triggers, once for all of a type.
type brokers struct {
	redis string
	mqtt  mqttBroker
}

type mqttBroker struct{ address, username string }

// readBrokers reads application.trigger.redis and application.trigger.mqtt.
func (i *importer) readBrokers(triggers table) {
	redis := triggers.sub("redis")
	i.brokers.redis = i.address(redis, "redis://")
	redis.rest(nil)
	mqtt := triggers.sub("mqtt")
	i.brokers.mqtt = mqttBroker{i.address(mqtt, "mqtt://"), i.expanded(mqtt, "username")}
	if mqtt.take("password") != nil {
		i.note(mqtt.at("password"), "left out: a manifest has no passwords; put it into the environment, and write password: {env: NAME} into each trigger of MQTT")
	}
	mqtt.take("keep_alive_interval") // the connection is kept alive as it needs
	mqtt.rest(nil)
}

// expanded is a text with the values of variables.
func (i *importer) expanded(t table, key string) string {
	text, why := i.expand(t.text(key))
	if why != "" {
		i.note(t.at(key), "left out: %s", why)
	}
	return text
}

// address is the address of a server, without the login; empty where there is none that can be written.
func (i *importer) address(t table, scheme string) string {
	text := i.expanded(t, "address")
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != strings.TrimSuffix(scheme, "://") && u.Scheme != strings.TrimSuffix(scheme, "://")+"s" {
		i.note(t.at("address"), "left out: want %sHOST:PORT", scheme)
		return ""
	}
	if u.User != nil {
		i.note(t.at("address"), "its user and password are left out: write username, and password: {env: NAME}, beside it")
		u.User = nil
	}
	return u.String()
}

// eventTriggers reads the triggers of one type. each makes the config of one, or says what it lacks.
func (i *importer) eventTriggers(t table, kind string, each func(t table) (config map[string]any, lacks string)) {
	for n, v := range t.list(kind) {
		at := fmt.Sprintf("%s[%d]", t.at(kind), n)
		one, ok := i.table(at, v)
		if !ok {
			i.note(at, "left out: want a table")
			continue
		}
		one.take("id") // a name for messages
		component, _ := one.take("component").(string)
		name, known := i.names[component]
		config, lacks := each(one)
		switch {
		case !known:
			i.note(cmp.Or(one.at("component"), at), "the trigger is left out: want the name of a component of the file")
		case lacks != "":
			i.note(at, "the trigger is left out: %s", lacks)
		default:
			i.workload.Spec.Triggers = append(i.workload.Spec.Triggers, v1alpha1.Trigger{Type: kind, Component: name, Config: config})
		}
		one.rest(nil)
	}
}

func (i *importer) redisTrigger(t table) (config map[string]any, lacks string) {
	address, channel := cmp.Or(i.address(t, "redis://"), i.brokers.redis), i.expanded(t, "channel")
	switch {
	case address == "":
		return nil, "there is no address of a server, in it or in application.trigger.redis"
	case channel == "":
		return nil, "there is no channel"
	}
	return map[string]any{"address": address, "channel": channel}, ""
}

func (i *importer) mqttTrigger(t table) (config map[string]any, lacks string) {
	topic := i.expanded(t, "topic")
	qos := 0
	switch v := t.take("qos").(type) {
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
