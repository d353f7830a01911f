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
	"github.com/vitrine-wasm/vitrine/workload"
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
		return b.answered(a)
	}
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err // request has the URL
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errNoAnswer
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

var errNoAnswer = &backend.DownError{Reason: workload.BackendTimeout, Err: errors.New("the server does not answer in time")}

// answered names an answer that is of the guest's or the operator's interest.
func (b *Backend) answered(a *answer) error {
	down := func(reason, text string) error {
		return &backend.DownError{Reason: reason, Err: fmt.Errorf(text+": %w", b.bucket, a)}
	}
	switch a.code {
	case minio.NoSuchBucket:
		return down(workload.BackendUnavailable, "the bucket %s does not exist; make it, or grant another")
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidTokenId", "RequestTimeTooSkewed":
		return down(workload.BackendDenied, "the server of the bucket %s does not take the grant's keys")
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
		return fmt.Errorf("%w: %w", blobstore.ErrFull, a)
	}
	switch {
	case a.status == http.StatusForbidden:
		return fmt.Errorf("%w: the user of the grant's keys may not do this in the bucket %s: %w", blobstore.ErrAccessDenied, b.bucket, a)
	case a.status == http.StatusInsufficientStorage:
		return fmt.Errorf("%w: %w", blobstore.ErrFull, a)
	case a.status >= http.StatusInternalServerError:
		return down(workload.BackendUnavailable, "the server of the bucket %s cannot serve")
	}
	return a
}
