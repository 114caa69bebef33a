// Hears what a worker tells its service manager: for the worker, the supervisor is one.

import CErrand
import Errand
import Glibc

/// The receiving end of sd_notify(3).
struct NotifyInbox {
    /// Readable when there is something to hear.
    let descriptor: Int32
    /// The value of `NOTIFY_SOCKET` for the worker.
    let path: String

    /// An inbox in the abstract namespace, which leaves nothing behind; `nil` when the system has none to give.
    init?() {
        var name = [CChar](repeating: 0, count: 108)
        descriptor = errand_notify_open(&name, name.count)
        guard descriptor >= 0 else { return nil }
        path = "@" + String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The next message of the process `sender`, as its assignments; `nil` when there is none now. Anybody can send to such a socket:
    /// what others say is dropped.
    func next(from sender: pid_t?) -> [String]? {
        while true {
            var bytes = [UInt8](repeating: 0, count: 4096)
            var number = pid_t()
            let count = errand_notify_receive(descriptor, &bytes, bytes.count, &number)
            guard count >= 0 else { return nil }
            guard number == sender else { continue }
            return String(decoding: bytes[..<Int(count)], as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}
