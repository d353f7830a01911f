package s3_test

import (
	"fmt"

	"github.com/vitrine-wasm/vitrine/plugin/blobstore/s3"
	"github.com/vitrine-wasm/vitrine/workload"
)

// A config says where the keys are, and never has them.
func ExampleType() {
	access, secret := workload.Secret{Env: "S3_ACCESS_KEY"}, workload.Secret{File: "s3.key"}
	for _, c := range []s3.Config{
		{Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1", Bucket: "shop", AccessKey: access, SecretKey: secret},
		{Endpoint: "https://key:secret@s3.example", Bucket: "shop"},
	} {
		fmt.Println(s3.Type().Check(c))
	}
	// Output:
	// endpoint the URL has a user; leave that out, and say where the keys are: accessKey and secretKey: {env: NAME} or {file: PATH}
}
