package wasi_test

const (
	fieldsTrap  = "fields that are too large cannot be made (fields.append, set and from-list trap)"
	asAWhole    = "the section is bounded as a whole, no single field is"
	noProxy     = "the host is no intermediary, and asks none"
	system      = "the system's alone: "
	notByAFile  = "no operation of this interface gives the system cause to say it"
	asRoot      = "the system's EACCES, which it does not say to tests that run as root"
	oneAtATime  = "descriptors are opened without waiting and not shared by operations under way"
	noTerminals = "no operation of this interface is about terminals"
)

// errorCodes are the error codes of WASI 0.2.12's interfaces. Exactly the codes that no test has seen have a reason
// (checkTable). TestErrorCodesCross tests that all codes cross the boundary unchanged.
var errorCodes = []interfaceCodes{
	{id: "http/types", prefix: "http/", unseen: map[string]string{
		"destination-not-found":            noProxy,
		"HTTP-request-length-required":     "a body of unknown length is sent in chunks; a server's 411 is an answer",
		"HTTP-request-header-section-size": fieldsTrap,
		"HTTP-request-header-size":         fieldsTrap,
		"HTTP-request-trailer-size":        fieldsTrap,
		"HTTP-response-header-size":        asAWhole,
		"HTTP-response-trailer-size":       asAWhole,
		"HTTP-response-content-coding":     "contents pass as they are encoded",
		"HTTP-response-timeout":            "no timeout of a guest's is about a whole answer, and its own deadline ends the guest",
		"loop-detected":                    noProxy,
		"configuration-error":              "what is wrong with the host's configuration is found before a guest runs",
	}},
	{id: "sockets/network", prefix: "sockets/", unseen: map[string]string{
		"unknown":            system + "an error that no other code stands for",
		"not-supported":      system + "EAFNOSUPPORT, where there is no IPv6",
		"out-of-memory":      system + "ENOMEM, ENOBUFS",
		"timeout":            system + "ETIMEDOUT, after minutes",
		"connection-aborted": system + "ECONNABORTED, which Linux does not say",
	}},
	{id: "filesystem/types", prefix: "filesystem/", unseen: map[string]string{
		"access":          asRoot,
		"would-block":     oneAtATime,
		"already":         oneAtATime,
		"busy":            system + "EBUSY, of a mount point or a device",
		"deadlock":        notByAFile,
		"quota":           system + "EDQUOT",
		"file-too-large":  system + "EFBIG, of file systems that bound files below what WASI does",
		"in-progress":     oneAtATime,
		"interrupted":     "interrupted operations are repeated",
		"io":              system + "EIO, and errors that no other code stands for",
		"too-many-links":  system + "EMLINK, after tens of thousands of links",
		"message-size":    notByAFile,
		"no-device":       system + "ENODEV, of a device that is gone",
		"no-lock":         notByAFile,
		"not-recoverable": notByAFile,
		"unsupported":     system + "ENOTSUP, of file systems that lack something",
		"no-tty":          noTerminals,
		"overflow":        system + "EOVERFLOW, of 32-bit systems",
		"text-file-busy":  system + "ETXTBSY, of a program that is running",
	}},
}
