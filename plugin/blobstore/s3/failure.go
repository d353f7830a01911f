package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"

	"github.com/vitrine-wasm/vitrine/plugin/backend"
	"github.com/vitrine-wasm/vitrine/plugin/blobstore"
)

// answer is an error that the server has answered with. It leaves out the server's text, which may quote keys.
type answer struct {
	code   string
	status int
}

func (a *answer) Error() string { return fmt.Sprintf("the server answers %s (%d)", a.code, a.status) }

// failure names an error that guests are told, and leaves out what is the guest's: keys, in URLs and answers. ctx is the caller's.
func (b *Backend) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var said minio.ErrorResponse
	if errors.As(err, &said) {
		a := &answer{said.Code, said.StatusCode}
		switch {
		case said.Code == minio.NoSuchBucket:
			return fmt.Errorf("the bucket %s does not exist; make it, or grant another: %w", b.bucket, a)
		case said.StatusCode == http.StatusForbidden:
			return fmt.Errorf("%w: check the grant's keys, and what they may do in the bucket %s: %w", blobstore.ErrAccessDenied, b.bucket, a)
		case said.StatusCode == http.StatusInsufficientStorage, said.Code == "QuotaExceeded", said.Code == "XMinioStorageFull", said.Code == "XMinioAdminBucketQuotaExceeded":
			return fmt.Errorf("%w: %w", blobstore.ErrFull, a)
		}
		return a
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // request has the URL
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return backend.ErrTimeout
	}
	return err
}

// notFound says that a key is not there.
func notFound(err error) bool { return answers(err, http.StatusNotFound, minio.NoSuchBucket) }

// answers says that the server has answered with a status, and not with the code except.
func answers(err error, status int, except string) bool {
	var said minio.ErrorResponse
	return errors.As(err, &said) && said.StatusCode == status && said.Code != except
}
