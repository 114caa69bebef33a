// A file descriptor with an owner, so that none leaks on any path.

import CErrand
import Glibc

/// Owns an open descriptor and closes it when the last reference goes.
final class Descriptor: Sendable {
    /// The number; 4 or more, so that it is never in the way of what a child receives as 0 to 3.
    let number: Int32

    /// Takes over `number`.
    /// - Throws: the system's error when `number` is negative (errno is taken) or too low and cannot be moved.
    init(_ number: Int32) throws(SystemError) {
        guard number >= 0 else { throw SystemError(errno) }
        guard number < 4 else {
            self.number = number
            return
        }
        let moved = fcntl(number, F_DUPFD_CLOEXEC, 4)
        let error = errno
        close(number)
        guard moved >= 0 else { throw SystemError(error) }
        self.number = moved
    }

    deinit { close(number) }

    /// A file in memory that holds `bytes`, to be read from its beginning.
    static func memoryFile(_ bytes: [UInt8] = []) throws(SystemError) -> Descriptor {
        let file = try Descriptor(errand_memory_file("errand"))
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { write(file.number, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw SystemError(errno)
            }
            offset += count
        }
        guard bytes.isEmpty || lseek(file.number, 0, SEEK_SET) == 0 else { throw SystemError(errno) }
        return file
    }

    /// A pipe for a child's output; our end does not block.
    static func outputPipe() throws(SystemError) -> (ours: Descriptor, childs: Descriptor) {
        var read: Int32 = -1
        var write: Int32 = -1
        guard errand_output_pipe(&read, &write) == 0 else { throw SystemError(errno) }
        let ours = Result { () throws(SystemError) in try Descriptor(read) }
        let childs = try Descriptor(write)
        return (try ours.get(), childs)
    }

    /// A two-way channel to a child; our end does not block.
    static func channel() throws(SystemError) -> (ours: Descriptor, childs: Descriptor) {
        var mine: Int32 = -1
        var its: Int32 = -1
        guard errand_channel(&mine, &its) == 0 else { throw SystemError(errno) }
        let ours = Result { () throws(SystemError) in try Descriptor(mine) }
        let childs = try Descriptor(its)
        return (try ours.get(), childs)
    }

    /// The first `limit` bytes of a file, from its beginning wherever its readers and writers stand.
    func contents(limit: Int) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        let result = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer -> Int32 in
            while bytes.count < limit {
                let count = pread(number, buffer.baseAddress, min(buffer.count, limit - bytes.count), bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return count < 0 ? errno : 0 }
                bytes.append(contentsOf: buffer.prefix(count))
            }
            return 0
        }
        guard result == 0 else { throw SystemError(result) }
        return bytes
    }
}

/// A refusal of the operating system.
struct SystemError: Error, Hashable, CustomStringConvertible {
    /// The system's number, `errno`.
    let code: Int32

    init(_ code: Int32) { self.code = code }

    var description: String { String(cString: strerror(code)) }
}
