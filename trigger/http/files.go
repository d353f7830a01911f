package http

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// files is a folder that is served. Nothing outside of it is reached, also by links. It is opened for each request: a build may replace it.
type files struct{ folder string }

func openFiles(folder string) (*files, error) {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("static: the folder %s does not exist", folder)
	case err != nil:
		return nil, fmt.Errorf("static: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("static: %s is no folder", folder)
	}
	return &files{folder}, nil
}

// servedFile is an answer: a file, or, without one, a place to ask instead.
type servedFile struct {
	*os.File
	info     fs.FileInfo
	name     string // of the file, without what a compressed one ends with
	encoding string // content-encoding; empty: none
	varies   bool   // there are compressed ones
	location string
}

// index is the file that stands for its folder.
const index = "index.html"

// find opens the file for a request, whose path ends with rest behind the route's. The error is fs.ErrNotExist, or one of the system.
func (f *files) find(r *http.Request, rest string) (*servedFile, error) {
	name, ok := fileName(r.URL, rest)
	if !ok {
		return nil, fs.ErrNotExist
	}
	root, err := os.OpenRoot(f.folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, info, err := open(root, name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		_ = file.Close()
		if !strings.HasSuffix(r.URL.Path, "/") {
			return &servedFile{location: below(r.URL)}, nil
		}
		name = path.Join(name, index)
		if file, info, err = open(root, name); err != nil {
			return nil, err
		}
	} else if strings.HasSuffix(rest, "/") {
		_ = file.Close()
		return nil, fs.ErrNotExist
	}
	if !info.Mode().IsRegular() {
		_ = file.Close()
		return nil, fs.ErrNotExist
	}
	found := &servedFile{File: file, info: info, name: name}
	compressed(root, r, found)
	return found, nil
}

// open opens a file or folder without waiting for anything, as a pipe's writer.
func open(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// fileName is the name in the folder that a request is for. No part of it may begin with a dot, or be another one on some system.
func fileName(u *url.URL, rest string) (name string, ok bool) {
	if strings.Contains(strings.ToLower(u.RawPath), "%2f") || strings.ContainsAny(rest, "\\:\x00") {
		return "", false
	}
	name = strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/")
	if name == "" {
		return ".", true
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return "", false
		}
	}
	return name, fs.ValidPath(name)
}

// below is the place of a folder, whose files have relative links among each other.
func below(u *url.URL) string {
	to := url.URL{Path: "./" + path.Base(u.Path) + "/", RawQuery: u.RawQuery}
	return to.String()
}

// encodings are compressed forms of a file beside it, the preferred first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// sameTime is how much older a compressed file may be: whatever unpacks or checks out both does not write them at once.
const sameTime = 2 * time.Second

// compressed replaces a file by a compressed one beside it that is not older, if the client takes that.
func compressed(root *os.Root, r *http.Request, found *servedFile) {
	plain := found.info.ModTime()
	for _, e := range encodings {
		file, info, err := open(root, found.name+e.suffix)
		if err != nil {
			continue
		}
		if !info.Mode().IsRegular() || info.ModTime().Add(sameTime).Before(plain) {
			_ = file.Close()
			continue
		}
		found.varies = true
		if found.encoding != "" || !accepts(r.Header.Values("Accept-Encoding"), e.name) {
			_ = file.Close()
			continue
		}
		_ = found.Close()
		found.File, found.encoding, found.info = file, e.name, info
	}
}

// accepts says whether a client takes an encoding: RFC 9110 §12.5.3. What it takes by * alone, such as gzip from a client that names others, does not count.
func accepts(fields []string, encoding string) bool {
	for item := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		name, parameter, _ := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		q, weighted := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(parameter, " ", "")), "q=")
		if !weighted {
			return true
		}
		n, err := strconv.ParseFloat(q, 64)
		return err == nil && n > 0
	}
	return false
}

// serveFile decides the answer of a route with files.
func (x *exchange) serveFile(ctx context.Context) error {
	x.ended.Begin(ctx, x)
	if x.r.Method != http.MethodGet && x.r.Method != http.MethodHead {
		x.decide(answer{status: http.StatusMethodNotAllowed, file: &servedFile{}})
		return nil
	}
	rest, _ := x.route.pattern.match(routePath(x.r), func(int, string) {})
	file, err := x.route.files.find(x.r, rest)
	switch {
	case err == nil && file.location != "":
		x.decide(answer{status: http.StatusPermanentRedirect, file: file})
	case err == nil:
		if !x.decide(answer{status: http.StatusOK, file: file}) {
			_ = file.Close()
		}
	default: // it is not there, leads outside, or cannot be read: which of them is nobody's business
		x.decide(failure(http.StatusNotFound))
	}
	return nil
}

// writeFile writes the answer, and says whether it is whole.
func (x *exchange) writeFile(w http.ResponseWriter, f *servedFile, timeout time.Duration) bool {
	h := w.Header()
	if f.File == nil {
		a := failure(int(x.status.Load()))
		if f.location != "" {
			h.Set("Location", f.location)
		} else {
			h.Set("Allow", "GET, HEAD")
		}
		x.sent.Add(write(w, a, x.r.Method == http.MethodHead))
		return true
	}
	defer f.Close()
	tag := strconv.FormatInt(f.info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(f.info.Size(), 36)
	if f.encoding != "" {
		tag += "-" + f.encoding
		h.Set("Content-Encoding", f.encoding)
	}
	if f.varies {
		h.Add("Vary", "Accept-Encoding")
	}
	h.Set("Etag", `"`+tag+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", contentType(f.name))
	out := &fileWriter{ResponseWriter: w, x: x, timeout: timeout, size: f.info.Size()}
	http.ServeContent(out, x.r, "", f.info.ModTime(), f.File)
	return out.err == nil && out.left <= 0
}

// fileWriter is how a file is sent to a client.
type fileWriter struct {
	http.ResponseWriter
	x       *exchange
	timeout time.Duration
	size    int64 // of the file
	left    int64 // of the answer
	err     error
}

// WriteHeader notes the status.
func (w *fileWriter) WriteHeader(status int) {
	h := w.Header()
	if status == http.StatusOK {
		h.Set(contentLength, strconv.FormatInt(w.size, 10)) // which net/http leaves out of compressed answers
	}
	if n, err := strconv.ParseInt(h.Get(contentLength), 10, 64); err == nil && !bodiless(w.x.r.Method, status) {
		w.left = n
	}
	w.x.status.Store(int64(status))
	w.ResponseWriter.WriteHeader(status)
}

// Write sends some of the file, which may wait for the client.
func (w *fileWriter) Write(p []byte) (n int, err error) {
	err = w.x.send(w.timeout, func() (err error) { n, err = w.ResponseWriter.Write(p); return err })
	w.x.sent.Add(int64(n))
	w.left -= int64(n)
	if err != nil {
		w.err = err
		w.x.ctx.Cancel(errGone)
	}
	return n, err
}

// contentTypes are those of files by their names' ends: the same on each machine.
var contentTypes = map[string]string{
	".avif": "image/avif", ".bmp": "image/bmp", ".css": "text/css; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".gif": "image/gif",
	".htm": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8", ".ico": "image/vnd.microsoft.icon", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json", ".md": "text/markdown; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".ogg": "audio/ogg", ".otf": "font/otf", ".pdf": "application/pdf",
	".png": "image/png", ".svg": "image/svg+xml", ".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm",
	".wav": "audio/wav", ".webm": "video/webm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff",
	".woff2": "font/woff2", ".xhtml": "application/xhtml+xml", ".xml": "text/xml; charset=utf-8", ".zip": "application/zip",
}

func contentType(name string) string {
	end := strings.ToLower(path.Ext(name))
	if t := contentTypes[end]; t != "" {
		return t
	}
	if t := mime.TypeByExtension(end); t != "" {
		return t
	}
	return "application/octet-stream"
}
