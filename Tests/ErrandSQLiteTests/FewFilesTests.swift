// A process that is out of open files for a while: nothing that it could not open is remembered as missing.

import CErrand
import Errand
import Glibc
import Testing

@testable import ErrandSQLite

@Suite struct FewFilesTests {
    /// Runs `body` while no file can be opened: the standard streams take up what is allowed.
    private static func withoutFiles<Value>(_ body: () throws -> Value) rethrows -> Value {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var none = limit
        none.rlim_cur = 3
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &none)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        return try body()
    }

    @Test func `a bell that could not look who listens looks again`() async {
        await #expect(processExitsWith: .success) {
            let directory = TemporaryDirectory()
            #expect(mkdir(directory.path, 0o700) == 0)
            let bells = DoorbellDirectory(path: directory.path)
            let socket = try #require(bells.bind("w-1"))
            // As if the listener had been there for long: a listing that is this fresh is not relied on anyway.
            var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, directory.path, &times, 0) == 0)
            FewFilesTests.withoutFiles { bells.ring([.work]) }
            bells.ring([.work])
            var byte: UInt8 = 0
            #expect(recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) == 1, "nobody was rung")
        }
    }

    @Test func `a wait for a lock that lacks a file says so`() async {
        await #expect(processExitsWith: .success) {
            let directory = TemporaryDirectory()
            #expect(mkdir(directory.path, 0o700) == 0)
            let lock = try StoreLock(directory: directory.path)
            let other = Glibc.open(lock.path, O_RDWR | O_CLOEXEC)
            #expect(errand_lock_take(other, StoreLock.Byte.queue.rawValue, 0) == 0)
            let error = FewFilesTests.withoutFiles {
                #expect(throws: JobStoreError.self) { try lock.acquire(.queue, wait: .seconds(10)) }
            }
            let text = try #require(error).description
            #expect(text.contains("Too many open files"), "\(text)")
        }
    }
}
