package artifact

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// bundles are the descriptors of what may be signatures of an artifact, by the registry's list of referrers (OCI distribution 1.1, "Listing referrers") or
// by the tag that stands for it. more says that there are more than are looked at.
func (s *Store) bundles(ctx context.Context, exact Reference) (found []descriptor, more bool, err error) {
	subject, ok := s.client(exact).(name.Digest)
	if !ok {
		return nil, false, nil
	}
	repo := subject.Context()
	next := &url.URL{Scheme: repo.Scheme(), Host: repo.RegistryStr(), Path: "/v2/" + repo.RepositoryStr() + "/referrers/" + exact.Digest()}
	for page := 0; next != nil; page++ {
		if page == maxPages {
			more = true
			break
		}
		var list *referrers
		err = s.ask(ctx, exact, "read the signatures", maxTries, func(ctx context.Context) (err error) {
			list, err = s.referrers(ctx, repo, next)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		if list == nil && page > 0 {
			return nil, false, &FormatError{exact.String(), "the registry's list of signatures ends in the middle"}
		}
		if list == nil {
			if list, err = s.tagged(ctx, exact); err != nil {
				return nil, false, err
			}
		}
		found = append(found, list.bundles()...)
		next = list.next
	}
	slices.SortStableFunc(found, func(a, b descriptor) int { return strings.Compare(rank(a), rank(b)) })
	if len(found) > maxBundles {
		found, more = found[:maxBundles], true
	}
	return found, more, nil
}

// rank puts what says that it is a signature before what may be one.
func rank(d descriptor) string {
	if d.ArtifactType == typeBundle {
		return "0"
	}
	return "1"
}

// referrers is a page of the list of referrers.
type referrers struct {
	Manifests []descriptor `json:"manifests"`

	next *url.URL // of the next page; nil: it is the last
}

// bundles are those of the page that may be signatures. Some registries say the type of the config, so that the manifest itself decides.
func (r *referrers) bundles() []descriptor {
	return slices.DeleteFunc(r.Manifests, func(d descriptor) bool {
		return d.ArtifactType != typeBundle && d.ArtifactType != typeEmpty && d.ArtifactType != ""
	})
}

// referrers reads a page of the list; nil where the registry has no such list.
func (s *Store) referrers(ctx context.Context, repo name.Repository, page *url.URL) (*referrers, error) {
	auth, err := authn.Resolve(ctx, s.cfg.keychain, repo)
	if err != nil {
		return nil, err
	}
	authorised, err := transport.NewWithContext(ctx, repo.Registry, auth, transport.NewUserAgent(s.transport, s.userAgent()), []string{repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(context.WithValue(ctx, mostKey{}, int64(maxManifest)), http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", typeIndex)
	resp, err := (&http.Client{Transport: authorised}).Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := transport.CheckError(resp, http.StatusOK, http.StatusNotFound, http.StatusBadRequest, http.StatusNotAcceptable); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if resp.StatusCode != http.StatusOK || kind != typeIndex {
		return nil, nil
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	list := &referrers{}
	if err := json.Unmarshal(raw, list); err != nil {
		return nil, &FormatError{repo.Name(), "the registry's list of signatures is no JSON"}
	}
	list.next, err = nextPage(page, resp.Header.Values("Link"))
	if err != nil {
		return nil, &FormatError{repo.Name(), err.Error()}
	}
	return list, nil
}

// nextPage is where a list goes on, which is at the same registry; nil where it does not (RFC 8288).
func nextPage(page *url.URL, links []string) (*url.URL, error) {
	for _, link := range strings.Split(strings.Join(links, ","), ",") {
		target, parameters, ok := strings.Cut(strings.TrimSpace(link), ";")
		if !ok || !strings.HasPrefix(target, "<") || !strings.HasSuffix(target, ">") || !hasNext(parameters) {
			continue
		}
		next, err := page.Parse(target[1 : len(target)-1])
		if err != nil {
			return nil, fmt.Errorf("the registry's list of signatures goes on at what is no address")
		}
		if next.Scheme != page.Scheme || next.Host != page.Host {
			return nil, fmt.Errorf("the registry's list of signatures goes on at another host, %s", next.Host)
		}
		return next, nil
	}
	return nil, nil
}

// hasNext says whether the parameters of a link have rel="next".
func hasNext(parameters string) bool {
	for _, p := range strings.Split(parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(key), "rel") && strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), "next") {
			return true
		}
	}
	return false
}

// tagged is the list that a tag stands for, in registries that have no list of their own (OCI distribution 1.1, "Referrers tag schema").
func (s *Store) tagged(ctx context.Context, exact Reference) (*referrers, error) {
	tag := Reference{exact.ref.Context().Tag(strings.Replace(exact.Digest(), ":", "-", 1))}
	raw, err := s.readManifest(ctx, tag, maxTries)
	var answer *RegistryError
	switch {
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound:
		return &referrers{}, nil
	case err != nil:
		return nil, err
	}
	list := &referrers{}
	if err := json.Unmarshal(raw, list); err != nil {
		return nil, &FormatError{tag.String(), "the list of signatures is no JSON"}
	}
	return list, nil
}
