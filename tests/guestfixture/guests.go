package guestfixture

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"

	"github.com/vitrine-wasm/vitrine/cm"
	"github.com/vitrine-wasm/vitrine/component"
)

// Guest is a prebuilt guest and its uses.
type Guest struct {
	Name string
	// Uses leave the instance usable, FatalUses do not. The first use is the simplest.
	Uses, FatalUses []Use
	// RandomInit says that initialisation reads values that differ between instances.
	RandomInit bool
	// MayTrap says that a use can end with the trap cannot-leave: Go's scheduler or garbage collector may read the clock during
	// cabi_realloc, which the specification forbids.
	MayTrap bool
	// NotResettable lists why its instances cannot be reset; empty if they can.
	NotResettable string

	links   map[string]string // its imports that others serve
	parts   []component.Part  // those others
	folder  bool              // it gets one
	command bool
}

// Guests returns all prebuilt guests of WASI 0.2.
func Guests() []Guest {
	linkedTo := func(sink string) map[string]string {
		return map[string]string{"wasi:otel/tracing": sink, "wasi:otel/metrics": sink, "wasi:otel/logs": sink}
	}
	return []Guest{
		{Name: "rust-http-full-p2", Uses: fullUses(), FatalUses: []Use{get("/trap"), get("/panic"), get("/spin")}},
		{Name: "rust-http-p2", Uses: []Use{get("/hello"), request(http.MethodPost, "/echo", body(50_000)), get("/env"), get("/time"), request(http.MethodDelete, "/x?y=z", ""), get("/fetch/{http}/up?x=1"), get("/fetch/127.0.0.1:1/")},
			FatalUses: []Use{get("/panic"), get("/spin")}},
		{Name: "go126-http-p2", RandomInit: true, MayTrap: true, Uses: []Use{get("/hello"), request(http.MethodPost, "/echo", body(3000)), request(http.MethodPost, "/echo", body(300)), get("/env"), get("/a/longer/path?with=query"), request(http.MethodPut, "/y", "unread")},
			FatalUses: []Use{get("/panic")}},
		{Name: "js-qjs-http-p2", Uses: []Use{get("/hello"), request(http.MethodPost, "/echo", body(30_000)), get("/env"), request(http.MethodPut, "/z", "unread"), get("/fetch/{http}/up")},
			FatalUses: []Use{get("/fetch/127.0.0.1:1/")}},
		{Name: "otel-example-ts", Uses: exampleUses(), links: linkedTo("rust-otel-sink"), parts: []component.Part{{Name: "rust-otel-sink"}}},
		{Name: "shop-composed", Uses: shopUses(), FatalUses: []Use{get("/total?items=13"), get("/total?items=99999")}},
		{Name: "rust-shop-http", Uses: shopUses(), FatalUses: []Use{get("/total?items=13"), get("/total?items=99999")},
			links: map[string]string{"shop:cart/cart": "rust-cart"},
			parts: []component.Part{{Name: "rust-cart", Links: map[string]string{"shop:price/price": "rust-price"}}, {Name: "rust-price"}}},
		{Name: "rust-cart", Uses: cartUses(), FatalUses: []Use{call("shop:cart/cart@0.1.0#total", uint32(13)), call("shop:cart/cart@0.1.0#total", uint32(99999))},
			links: map[string]string{"shop:price/price": "rust-price"}, parts: []component.Part{{Name: "rust-price"}}},
		{Name: "rust-price", Uses: []Use{call("shop:price/price@0.1.0#quote", "item-3"), call("shop:price/price@0.1.0#quote", "item-0"), call("shop:price/price@0.1.0#quote", "pear"), call("shop:price/price@0.1.0#quote", body(20_000))},
			FatalUses: []Use{call("shop:price/price@0.1.0#quote", "item-13")}},
		{Name: "rust-kv-p2", Uses: append(kvUses(), get("/log"), request(http.MethodPost, "/blob/put?container=c&name=o", body(70_000)),
			get("/blob/get?container=c&name=o&start=10&end=50000&how=sync"), get("/blob/get?container=c&name=o&how=async"), get("/blob/list?container=c"), get("/blob/delete?container=c&name=o"))},
		{Name: "rust-kv-only-p2", Uses: kvUses()},
		{Name: "rust-messages-p2", Uses: []Use{request(http.MethodPost, "/publish?subject=a", "text"), request(http.MethodPost, "/publish?subject=out.x&n=3", body(900)), get("/get?key=none"), request(http.MethodPost, "/request?subject=a&ms=1", "text"), get("/nope"),
			call(handleMessage, message("jobs", "keep")), call(handleMessage, message("jobs", "fail now")), call(handleMessage, message("jobs", "forward a b")), get("/get?key=count:jobs")},
			FatalUses: []Use{call(handleMessage, message("jobs", "trap"))}},
		{Name: "orders-front", Uses: []Use{request(http.MethodPost, "/orders", "item-2:3"), request(http.MethodPost, "/orders", "item-2:x"), get("/orders/1"), get("/orders/9"), get("/nope")},
			links: map[string]string{"shop:cart/cart": "rust-cart"}, parts: []component.Part{{Name: "rust-cart", Links: map[string]string{"shop:price/price": "rust-price"}}, {Name: "rust-price"}}},
		{Name: "orders-worker", Uses: []Use{call(handleMessage, message("orders.placed", "1"))}},
		{Name: "orders-report", command: true, Uses: []Use{command("")}},
		{Name: "rust-spin-p2", Uses: []Use{get("/sqlite/visit?who=ann"), get("/sqlite/visit?who=ann"), get("/sqlite/visit?db=none"), request(http.MethodPost, "/sqlite/statement", "SELECT * FROM visits"), get("/nope"),
			request(http.MethodPost, "/kv/set?key=a", body(900)), get("/kv/get?key=a"), get("/kv/keys"), get("/kv/delete?key=a"), get("/kv/get?store=none&key=a"), get("/var?name=greeting"), get("/var?name=none"), get("/fetch?url=http://{http}/up"), get("/fetch?url=http://127.0.0.1:1/")}},
		{Name: "rust-spin-brokers-p2", Uses: []Use{get("/redis/get?key=k&address=redis://a"), request(http.MethodPost, "/redis/sadd?key=k&address=x", body(900)), request(http.MethodPost, "/mqtt/publish?address=mqtt://a&topic=t", body(900)), get("/nope")}},
		{Name: "rust-spin-redis-p2", Uses: []Use{call(handleChannel, []byte("a message")), call(handleChannel, []byte("fail")), call(handleChannel, []byte("count redis://a k")), call(handleChannel, []byte(body(3000)))},
			FatalUses: []Use{call(handleChannel, []byte("trap"))}},
		{Name: "rust-spin-mqtt-p2", Uses: []Use{call("handle-message", []byte("a message"), map[string]any{"topic": "a/b"}), call("handle-message", []byte("fail it"), map[string]any{"topic": "a/b"})},
			FatalUses: []Use{call("handle-message", []byte("trap"), map[string]any{"topic": "a/b"})}},
		{Name: "rust-spin-pg-p2", Uses: []Use{request(http.MethodPost, "/v2/query", "SELECT 1"), request(http.MethodPost, "/v3/execute?db=x", "SELECT 1"), request(http.MethodPost, "/v4/query?db=", "postgres://h/d\nSELECT $1\nx"), get("/nope")}}, // it is granted none
		{Name: "rust-grpc-p2", Uses: grpcUses(), FatalUses: []Use{request(http.MethodPost, "/vitrine.test.Echo/Trap", "")}},
		{Name: "otel-p2-composed", Uses: otelUses()},
		{Name: "otel-main-p2-composed", Uses: otelUses()},
		{Name: "rust-otel-p2", Uses: otelUses(), links: linkedTo("rust-otel-sink"), parts: []component.Part{{Name: "rust-otel-sink"}}},
		{Name: "rust-otel-main-p2", Uses: otelUses(), links: linkedTo("rust-otel-main-sink"), parts: []component.Part{{Name: "rust-otel-main-sink"}}},
		{Name: "rust-otlp-p2", Uses: []Use{get("/env"), get("/trace"), get("/trace?url=http://{http}/up"), request(http.MethodPost, "/v1/traces", "{}"), get("/nope")}}, // nobody takes what it exports
		{Name: "otel-example-go", RandomInit: true, Uses: append(exampleUses(), get("/order?item="+strings.Repeat("x", 100_000))), links: linkedTo("rust-otel-sink"), parts: []component.Part{{Name: "rust-otel-sink"}}},
		{Name: "otel-example-rust", Uses: exampleUses(), links: linkedTo("rust-otel-sink"), parts: []component.Part{{Name: "rust-otel-sink"}}},
		{Name: "rust-otel-sink", Uses: sinkUses("outer-span-context")},
		{Name: "rust-otel-main-sink", Uses: sinkUses("current-span-context")},
		{Name: "go126-greet-p2", RandomInit: true, MayTrap: true, Uses: []Use{call("greet", "ada"), call("greet", body(2000)), call("sum", []uint32{1, 2, 1<<32 - 1}), call("sum", []uint32{})}},
		{Name: "c-strings", Uses: []Use{call("lab:cstr/text@1.2.3#rev", "stressed"), call("lab:cstr/text@1.2.3#rev", body(3000)), call("lab:cstr/text@1.2.3#swap", map[string]any{"a": "x", "n": uint32(41)}),
			call("lab:cstr/text@1.2.3#area", cm.Variant{Case: "circle", Value: float32(2)}), call("lab:cstr/text@1.2.3#area", cm.Variant{Case: "label", Value: "none"}), call("lab:cstr/text@1.2.3#has", []string{"read"})}},
		{Name: "c-consumer", Uses: []Use{call("lab:consumer/api#shout", "abc"), call("lab:consumer/api#shout", "")}},
		{Name: "composed-c-shout", Uses: []Use{call("lab:consumer/api#shout", "abc"), call("lab:consumer/api#shout", body(3000))}},
		{Name: "c-cli-p2", command: true, folder: true, Uses: []Use{command("one\ntwo\n"), command(body(9000)), command("", "kept", "second"), command("x", "")}, FatalUses: []Use{command("", "nowhere")}},
		{Name: "rust-cli-p2", command: true, folder: true, Uses: []Use{command("one\ntwo\n"), command(body(9000), "kept", "more"), command("")}, FatalUses: []Use{command("", "nowhere")}},
		{Name: "rust-cli-ctors-p2", command: true, Uses: []Use{command("one\ntwo\n"), command("")}, FatalUses: []Use{command("", "nowhere")}},
		{Name: "rust-cli-hostile", command: true, folder: true, Uses: hostileUses(), FatalUses: []Use{command("", "exit", "3"), command("", "read", "nothing"), command("", "panic"), command("", "trap"), command("", "divzero"), command("", "oob"), command("", "badcall"), command("", "recurse"), command("", "spin")}},
		{Name: "rust-traps-p2", command: true, Uses: []Use{command("")}, FatalUses: []Use{command("", "panic"), command("", "unwrap"), command("", "index"), command("", "divide"), command("", "abort")}},
		{Name: "rust-service-p2", command: true, Uses: []Use{serve("abc"), serve(), serve("one", "two words", "ünï")}},
		{Name: "rust-tcp-client-p2", command: true, Uses: []Use{command("", "{lines}", "hello"), command("", "{lines}", "a", "b", body(3000)), command("", "{lines}")}},
		{Name: "wat-table-grow", command: true, NotResettable: "table-changed", Uses: []Use{command("")}},
	}
}

// body is text of a length.
// handleMessage is the export of handlers of wasmcloud:messaging 0.2.
const handleMessage = "wasmcloud:messaging/handler@0.2.0#handle-message"

// handleChannel is the export of handlers of Redis of Spin's SDK.
const handleChannel = "fermyon:spin/inbound-redis#handle-message"

// message is a message that waits for no answer.
func message(subject, body string) map[string]any {
	return map[string]any{"subject": subject, "body": []byte(body), "reply-to": nil}
}

func body(n int) string {
	const words = "the quick brown fox jumps over the lazy dog; "
	return strings.Repeat(words, n/len(words)+1)[:n]
}

func fullUses() []Use {
	return []Use{
		get("/hello"), request(http.MethodPost, "/echo", body(60_000)), request(http.MethodPost, "/copy?buf=7", body(3000)), request(http.MethodPost, "/copy", body(100_000)),
		request(http.MethodPost, "/count", body(70_000)), get("/chunks?n=3&ms=1"), get("/chunks?n=2&ms=0&size=20000"), get("/sleep?ms=100"), get("/join?n=10&ms=50"),
		get("/fetch?url=http://{http}/up"), request(http.MethodPost, "/proxy?url=http://{http}/up", body(5000)), get("/fetch?url=http://127.0.0.1:1/"),
		get("/headers"), request(http.MethodPatch, "/headers", "x"), get("/status?code=204"), get("/status?code=418"), get("/status?code=99"), get("/trailers"), get("/abort"), get("/error"), get("/noresponse"),
		get("/alloc?mb=4"), get("/alloc?mb=1"), get("/log"), get("/calls"), get("/env"), get("/time"), get("/random").unique(), get("/zzz"),
	}
}

func shopUses() []Use {
	return []Use{get("/total?items=3"), get("/basket?add=item-2:3,item-5:1"), get("/basket?add=item-0:1"), get("/basket?add=pear:1"), get("/total?items=x"), request(http.MethodPost, "/nope", "x")}
}

func kvUses() []Use {
	return []Use{
		request(http.MethodPost, "/kv/set?key=a", body(900)), request(http.MethodPost, "/kv/set?key=b", "b"), get("/kv/get?key=a"), get("/kv/get?key=b"), get("/kv/delete?key=a"), get("/kv/exists?key=a"),
		get("/kv/incr?key=n&by=2"), get("/kv/list"), get("/kv/nostore"), get("/config?key=greeting"), get("/config?key=none"), get("/config/all"), get("/nope"),
	}
}

// grpcUses are calls with the bytes of messages.
func grpcUses() []Use {
	call := func(method string, messages ...string) Use {
		var framed strings.Builder
		for _, m := range messages {
			framed.WriteByte(0)
			_ = binary.Write(&framed, binary.BigEndian, uint32(len(m)))
			framed.WriteString(m)
		}
		return request(http.MethodPost, "/vitrine.test.Echo/"+method, framed.String())
	}
	return []Use{
		call("Unary", "abc"), call("Unary", body(70_000)), call("Unary"), call("Repeat", "abc"), call("Collect", "a", body(20_000), ""), call("Chat", "a", "b", "c"), call("Fail", "x"),
		call("FailAfter", "x"), call("Enough", "a", "b"), call("Timeout", "x"), call("Nope", "x"), get("/call/Unary?url=http://{http}&n=1"), get("/nope"),
	}
}

func otelUses() []Use {
	return []Use{get("/context"), get("/trace?url=http://{http}/up").unique(), get("/logs"), get("/metrics"), get("/leak"), get("/bad"), get("/nope")}
}

// exampleUses are those of examples/otel-*.
func exampleUses() []Use {
	return []Use{get("/order?item=apple&n=2").unique(), get("/order?item=pear&url=http://{http}/up"), get("/order?url=http://127.0.0.1:1/"), get("/order?url=nowhere"), get("/fail"), get("/nope")}
}

func sinkUses(current string) []Use {
	const tracing, logs = "wasi:otel/tracing@0.2.0-rc.2#", "wasi:otel/logs@0.2.0-rc.2#"
	span := map[string]any{"trace-id": strings.Repeat("ab", 16), "span-id": strings.Repeat("cd", 8), "trace-flags": []string{"sampled"}, "is-remote": false, "trace-state": []any{}}
	record := map[string]any{}
	for _, field := range []string{"timestamp", "observed-timestamp", "severity-text", "severity-number", "body", "attributes", "event-name", "resource", "instrumentation-scope", "trace-id", "span-id", "trace-flags"} {
		record[field] = nil
	}
	return []Use{call(tracing + current), call(tracing+"on-start", span), call(logs+"on-emit", record)}
}

func cartUses() []Use {
	const cart = "shop:cart/cart@0.1.0#"
	basket := func(owner string, items ...string) Use {
		return Use{Name: "basket of " + owner, run: func(ctx context.Context, _ *Fixture, inst *component.Instance, _ *World, out *strings.Builder) error {
			v, err := callFor(ctx, inst, out, cart+"[constructor]basket", owner)
			if err != nil {
				return err
			}
			for n, item := range items {
				if _, err := callFor(ctx, inst, out, cart+"[method]basket.add", v, item, uint32(n+1)); err != nil {
					return err
				}
			}
			for _, method := range []string{"lines", "total"} {
				if _, err := callFor(ctx, inst, out, cart+"[method]basket."+method, v); err != nil {
					return err
				}
			}
			if len(items)%2 == 0 {
				return nil // left behind
			}
			return inst.Drop(ctx, v.(*cm.Resource))
		}}
	}
	return []Use{call(cart+"total", uint32(3)), basket("ada", "item-1"), basket("bob", "item-2", "item-3", "item-0"), basket("eve", "pear", "item-4"), basket("")}
}

func hostileUses() []Use {
	uses := []Use{command("", "env"), command("", "random").unique(), command("abcd\n", "stdin"), command(body(30_000), "stdin"), command("", "badutf8"), command("", "longline", "1")}
	for _, args := range []string{
		"args a b", "grow 16", "grow 1000", "alloc 3", "write kept text", "write other 12345", "read kept", "ls", "rm other", "rm nothing",
		"escape", "symlink-out", "files 20", "fill 1", "sleep 50", "time", "flood 1", "help",
	} {
		uses = append(uses, command("", strings.Fields(args)...))
	}
	return uses
}

// Find finds a guest by its name.
func Find(name string) (*Guest, error) {
	for _, g := range Guests() {
		if g.Name == name {
			return &g, nil
		}
	}
	return nil, fmt.Errorf("no guest %s of WASI 0.2", name)
}
