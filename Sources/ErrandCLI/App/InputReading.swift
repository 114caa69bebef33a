// Reading what a command is given: standard input, files, the environment.

import CErrand
import Glibc

/// Reads input; every reader has a limit.
package enum InputReading {
    /// Up to `limit` bytes of a descriptor, until its end.
    static func descriptor(_ descriptor: Int32, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < limit {
            let count = read(descriptor, &buffer, min(buffer.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[..<count])
        }
        return bytes
    }

    /// Up to `limit` bytes of a file.
    /// - Throws: ``Failure`` with status 2 when it cannot be read.
    package static func file(_ path: String, limit: Int) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(.usage, "cannot read \(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var status = stat()
        if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { throw Failure(.usage, "cannot read \(path): it is a directory") }
        return descriptor(file, limit: limit)
    }

    /// The arguments of this process, without its name.
    /// - Throws: ``Failure`` with status 2 for one that is not UTF-8: Swift would repair it, and another payload or another file's name
    ///   than the one that was given would be stored.
    static func arguments() throws -> [String] {
        try (1..<max(1, errand_argument_count())).map { index in
            guard let text = errand_argument(index) else { return "" }
            guard let argument = String(validatingCString: text) else {
                throw Failure(
                    .usage,
                    "argument \(index) is not valid UTF-8, which is all that a job can keep: \(String(cString: text)); pass a file that names it, or a script"
                )
            }
            return argument
        }
    }

    /// The environment of this process.
    static func environment() -> [String: String] {
        var values: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let pair = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { values[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        return values
    }
}
