package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// mixedWorkload is one workload with guests of every language that can serve, each isolation, links, a composition, the
// key-value and blob plugins, and components whose limits are low so that hostile requests reach them. The longest path
// wins, so a guest that needs an exact path has one of its own.
const mixedWorkload = `apiVersion: vitrine.dev/v1alpha1
kind: Workload
metadata: {name: mixed, namespace: bench}
spec:
  components:
    - name: rust
      source: {file: %[1]q}
      environment: {GREETING: hi}
      grants: {http: ["http://127.0.0.1:*"]}
      limits: {deadline: 10s, memory: 64Mi}
    - {name: small, source: {file: %[2]q}}
    - {name: spinner, source: {file: %[2]q}, limits: {deadline: 200ms}}
    - {name: hoarder, source: {file: %[2]q}, limits: {memory: 16Mi}}
    - {name: fueled, source: {file: %[1]q}, limits: {fuel: 1M}}
    - {name: bounded, source: {file: %[1]q}, limits: {headers: 8Ki, body: 64Ki}}
    - {name: narrow, source: {file: %[1]q}, instances: {max: 2, queue: 2}}
    - {name: go, source: {file: %[3]q}}
    - {name: go-snapshot, source: {file: %[3]q}, instances: {isolation: snapshot}}
    - {name: js, source: {file: %[4]q}, grants: {http: ["http://127.0.0.1:*"]}}
    - {name: js-snapshot, source: {file: %[4]q}, instances: {isolation: snapshot}}
    - {name: kv, source: {file: %[5]q}, config: {greeting: hi}}
    - {name: shop, source: {file: %[6]q}}
    - {name: head, source: {file: %[7]q}, links: {"shop:cart/cart@0.1.0": cart}}
    - {name: cart, source: {file: %[8]q}, links: {"shop:price/price@0.1.0": price}}
    - {name: price, source: {file: %[9]q}}
    - {name: otel, source: {file: %[10]q}}
    - {name: hello-rust, source: {file: %[11]q}}
    - {name: hello-go, source: {file: %[12]q}}
  triggers:
    - http: {path: /, component: rust}
    - http: {path: /small, component: small}
    - http: {path: /spin, component: spinner}
    - http: {path: /alloc, component: hoarder}
    - http: {path: /count, component: fueled}
    - http: {path: /copy, component: bounded}
    - http: {path: /sleep, component: narrow}
    - http: {path: /go, component: go}
    - http: {path: /echo, component: go}
    - http: {path: /gosnapshot, component: go-snapshot}
    - http: {path: /js, component: js}
    - http: {path: /fetch/, component: js}
    - http: {path: /jssnapshot, component: js-snapshot}
    - http: {path: /kv, component: kv}
    - http: {path: /config, component: kv}
    - http: {path: /blob, component: kv}
    - http: {path: /total, component: shop}
    - http: {path: /basket, component: head}
    - http: {path: /context, component: otel}
    - http: {path: /metrics, component: otel}
    - http: {path: /logs, component: otel}
    - http: {path: /hello, component: hello-rust}
    - http: {path: /hello-go, component: hello-go}
`

// mixedGuests fill mixedWorkload, in order.
var mixedGuests = []string{
	"rust", "rust-small", "go", "js", "rust-kv-p2", "shop-composed", "rust-shop-http", "rust-cart", "rust-price", "otel-p2-composed", "rust", "go",
}

// writeMixed writes the workload file into dir.
func writeMixed(dir string) (string, error) {
	var files []any
	for _, name := range mixedGuests {
		file, err := guestFile(name)
		if err != nil {
			return "", err
		}
		files = append(files, file)
	}
	path := filepath.Join(dir, "vitrine.yaml")
	return path, os.WriteFile(path, fmt.Appendf(nil, mixedWorkload, files...), 0o644)
}
