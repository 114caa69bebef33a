// What this process knows about itself, for people.

import Glibc

/// Facts about this process and machine.
package enum ProcessFacts {
    /// The host's name, `localhost` when it has none.
    package static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
