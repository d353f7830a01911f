package http

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is an HTTP/2 client by hand: one that need not behave.
type frames struct {
	t    *testing.T
	conn net.Conn
	*http2.Framer
	head bytes.Buffer
	enc  *hpack.Encoder
}

// speakFrames opens a connection of HTTP/2 whose streams may send window bytes each.
func speakFrames(t *testing.T, addr net.Addr, window uint32) *frames {
	t.Helper()
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := &frames{t: t, conn: conn, Framer: http2.NewFramer(conn, conn)}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.enc = hpack.NewEncoder(&f.head)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}); err != nil {
		t.Fatal(err)
	}
	return f
}

// request opens a stream with a head: fields in pairs, pseudo-header fields first.
func (f *frames) request(stream uint32, ends bool, fields ...string) {
	f.t.Helper()
	f.head.Reset()
	for i := 0; i < len(fields); i += 2 {
		if err := f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.head.Bytes(), EndHeaders: true, EndStream: ends}); err != nil {
		f.t.Fatal(err)
	}
}

// get asks for a path.
func (f *frames) get(stream uint32, path string) {
	f.t.Helper()
	f.request(stream, true, ":method", "GET", ":scheme", "http", ":authority", "h", ":path", path)
}

// await reads until a frame of the stream is what is wanted, or the connection has ended; nil then.
func (f *frames) await(stream uint32, wanted func(http2.Frame) bool) http2.Frame {
	f.t.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		frame, err := f.ReadFrame()
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			f.t.Fatalf("stream %d: nothing comes", stream)
		}
		if err != nil {
			return nil
		}
		if s, ok := frame.(*http2.SettingsFrame); ok && !s.IsAck() {
			_ = f.WriteSettingsAck()
		}
		if frame.Header().StreamID == stream && wanted(frame) {
			return frame
		}
	}
}

// status is that of the answer on a stream; 0 if the stream is reset before, -1 if the connection ends.
func (f *frames) status(stream uint32) (status string) {
	f.t.Helper()
	status = "none"
	f.await(stream, func(frame http2.Frame) bool {
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = frame.PseudoValue("status")
			return status[0] != '1'
		case *http2.RSTStreamFrame:
			status = frame.ErrCode.String()
			return true
		}
		return false
	})
	return status
}

// reset waits until a stream is reset or the connection ends.
func (f *frames) reset(stream uint32) {
	f.t.Helper()
	f.await(stream, func(frame http2.Frame) bool {
		_, ok := frame.(*http2.RSTStreamFrame)
		return ok
	})
}

// answer is the status and the body on a stream; 0 if it is reset or the connection ends first.
func (f *frames) answer(stream uint32) (status int, body string) {
	f.t.Helper()
	ended := false
	f.await(stream, func(frame http2.Frame) bool {
		switch v := frame.(type) {
		case *http2.MetaHeadersFrame:
			if s := v.PseudoValue("status"); s != "" {
				status, _ = strconv.Atoi(s)
			}
			ended = v.StreamEnded()
		case *http2.DataFrame:
			body += string(v.Data())
			ended = v.StreamEnded()
		case *http2.RSTStreamFrame:
			ended = true
		}
		return ended
	})
	return status, body
}
