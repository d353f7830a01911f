package errno

import "syscall"

// posixOfWindows is the POSIX number of an error of Windows (System Error Codes; Windows Sockets Error Codes), or e if it
// has none.
func posixOfWindows(e syscall.Errno) syscall.Errno {
	if p, ok := windows[e]; ok {
		return p
	}
	return e
}

var windows = map[syscall.Errno]syscall.Errno{
	1:    syscall.ENOTSUP,      // ERROR_INVALID_FUNCTION: the device or file system has no such thing
	2:    syscall.ENOENT,       // ERROR_FILE_NOT_FOUND
	3:    syscall.ENOENT,       // ERROR_PATH_NOT_FOUND
	4:    syscall.EMFILE,       // ERROR_TOO_MANY_OPEN_FILES
	5:    syscall.EACCES,       // ERROR_ACCESS_DENIED
	6:    syscall.EBADF,        // ERROR_INVALID_HANDLE
	8:    syscall.ENOMEM,       // ERROR_NOT_ENOUGH_MEMORY
	14:   syscall.ENOMEM,       // ERROR_OUTOFMEMORY
	15:   syscall.ENOENT,       // ERROR_INVALID_DRIVE
	17:   syscall.EXDEV,        // ERROR_NOT_SAME_DEVICE
	19:   syscall.EROFS,        // ERROR_WRITE_PROTECT
	32:   syscall.EBUSY,        // ERROR_SHARING_VIOLATION
	33:   syscall.EBUSY,        // ERROR_LOCK_VIOLATION
	39:   syscall.ENOSPC,       // ERROR_HANDLE_DISK_FULL
	50:   syscall.ENOTSUP,      // ERROR_NOT_SUPPORTED
	53:   syscall.ENOENT,       // ERROR_BAD_NETPATH
	64:   syscall.ECONNRESET,   // ERROR_NETNAME_DELETED
	67:   syscall.ENOENT,       // ERROR_BAD_NET_NAME
	80:   syscall.EEXIST,       // ERROR_FILE_EXISTS
	87:   syscall.EINVAL,       // ERROR_INVALID_PARAMETER
	109:  syscall.EPIPE,        // ERROR_BROKEN_PIPE
	111:  syscall.ENAMETOOLONG, // ERROR_BUFFER_OVERFLOW
	112:  syscall.ENOSPC,       // ERROR_DISK_FULL
	120:  syscall.ENOSYS,       // ERROR_CALL_NOT_IMPLEMENTED
	121:  syscall.ETIMEDOUT,    // ERROR_SEM_TIMEOUT
	123:  syscall.EINVAL,       // ERROR_INVALID_NAME
	131:  syscall.EINVAL,       // ERROR_NEGATIVE_SEEK
	132:  syscall.ESPIPE,       // ERROR_SEEK_ON_DEVICE
	145:  syscall.ENOTEMPTY,    // ERROR_DIR_NOT_EMPTY
	161:  syscall.ENOENT,       // ERROR_BAD_PATHNAME
	170:  syscall.EBUSY,        // ERROR_BUSY
	183:  syscall.EEXIST,       // ERROR_ALREADY_EXISTS
	206:  syscall.ENAMETOOLONG, // ERROR_FILENAME_EXCED_RANGE
	223:  syscall.EFBIG,        // ERROR_FILE_TOO_LARGE
	232:  syscall.EPIPE,        // ERROR_NO_DATA: the reader of a pipe has gone
	233:  syscall.EPIPE,        // ERROR_PIPE_NOT_CONNECTED
	267:  syscall.ENOTDIR,      // ERROR_DIRECTORY
	303:  syscall.EBUSY,        // ERROR_DELETE_PENDING
	681:  syscall.ELOOP,        // ERROR_STOPPED_ON_SYMLINK
	1113: syscall.EILSEQ,       // ERROR_NO_UNICODE_TRANSLATION
	1142: syscall.EMLINK,       // ERROR_TOO_MANY_LINKS
	1225: syscall.ECONNREFUSED, // ERROR_CONNECTION_REFUSED
	1229: syscall.ENOTCONN,     // ERROR_CONNECTION_INVALID
	1231: syscall.ENETUNREACH,  // ERROR_NETWORK_UNREACHABLE
	1232: syscall.EHOSTUNREACH, // ERROR_HOST_UNREACHABLE
	1234: syscall.ECONNREFUSED, // ERROR_PORT_UNREACHABLE
	1236: syscall.ECONNABORTED, // ERROR_CONNECTION_ABORTED
	1295: syscall.EDQUOT,       // ERROR_DISK_QUOTA_EXCEEDED
	1314: syscall.EPERM,        // ERROR_PRIVILEGE_NOT_HELD
	1450: syscall.ENOMEM,       // ERROR_NO_SYSTEM_RESOURCES
	1455: syscall.ENOMEM,       // ERROR_COMMITMENT_LIMIT
	1920: syscall.EACCES,       // ERROR_CANT_ACCESS_FILE
	1921: syscall.ELOOP,        // ERROR_CANT_RESOLVE_FILENAME
	4390: syscall.EINVAL,       // ERROR_NOT_A_REPARSE_POINT

	10004: syscall.EINTR,           // WSAEINTR
	10009: syscall.EBADF,           // WSAEBADF
	10013: syscall.EACCES,          // WSAEACCES
	10014: syscall.EFAULT,          // WSAEFAULT
	10022: syscall.EINVAL,          // WSAEINVAL
	10024: syscall.EMFILE,          // WSAEMFILE
	10035: syscall.EAGAIN,          // WSAEWOULDBLOCK
	10036: syscall.EINPROGRESS,     // WSAEINPROGRESS
	10037: syscall.EALREADY,        // WSAEALREADY
	10038: syscall.ENOTSOCK,        // WSAENOTSOCK
	10039: syscall.EDESTADDRREQ,    // WSAEDESTADDRREQ
	10040: syscall.EMSGSIZE,        // WSAEMSGSIZE
	10041: syscall.EPROTOTYPE,      // WSAEPROTOTYPE
	10042: syscall.ENOPROTOOPT,     // WSAENOPROTOOPT
	10043: syscall.EPROTONOSUPPORT, // WSAEPROTONOSUPPORT
	10044: syscall.EPROTONOSUPPORT, // WSAESOCKTNOSUPPORT
	10045: syscall.ENOTSUP,         // WSAEOPNOTSUPP
	10047: syscall.EAFNOSUPPORT,    // WSAEAFNOSUPPORT
	10048: syscall.EADDRINUSE,      // WSAEADDRINUSE
	10049: syscall.EADDRNOTAVAIL,   // WSAEADDRNOTAVAIL
	10050: syscall.ENETDOWN,        // WSAENETDOWN
	10051: syscall.ENETUNREACH,     // WSAENETUNREACH
	10052: syscall.ENETRESET,       // WSAENETRESET
	10053: syscall.ECONNABORTED,    // WSAECONNABORTED
	10054: syscall.ECONNRESET,      // WSAECONNRESET
	10055: syscall.ENOBUFS,         // WSAENOBUFS
	10056: syscall.EISCONN,         // WSAEISCONN
	10057: syscall.ENOTCONN,        // WSAENOTCONN
	10058: syscall.EPIPE,           // WSAESHUTDOWN
	10060: syscall.ETIMEDOUT,       // WSAETIMEDOUT
	10061: syscall.ECONNREFUSED,    // WSAECONNREFUSED
	10064: syscall.EHOSTDOWN,       // WSAEHOSTDOWN
	10065: syscall.EHOSTUNREACH,    // WSAEHOSTUNREACH
}
