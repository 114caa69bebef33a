// The SQLite store keeps every rule of the seams, and never differs from the oracle.

import Errand
import ErrandCrypto
import ErrandSQLite
import ErrandTesting
import FoundationEssentials
import Synchronization
import Testing

/// A SQLite store in a directory of its own, on a manual clock. A crash lets go of everything as the process's death would.
private final class SQLiteStoreUnderTest: ConformingStore {
    private struct State {
        var opened: SQLiteStore
        var others: [SQLiteStore] = []
    }

    private let directory: String
    private let cipher: (any PayloadCipher)?
    private let clock = ManualClock()
    private let state: Mutex<State>

    /// A new store; with a cipher, encrypted at rest.
    init(cipher: (any PayloadCipher)? = nil) throws {
        self.cipher = cipher
        directory = FileManager.default.temporaryDirectory.appending(path: "errand-conformance-\(UUID())").path
        state = Mutex(State(opened: try SQLiteStoreUnderTest.open(directory, clock)))
    }

    private static func open(_ directory: String, _ clock: ManualClock) throws(JobStoreError) -> SQLiteStore {
        var options = SQLiteStoreOptions()
        options.clock = clock
        return try SQLiteStore.open(directory: directory, options: options)
    }

    var store: Store { seen(state.withLock { $0.opened.store }) }

    private func seen(_ store: Store) -> Store { cipher.map { store.encrypted(by: $0) } ?? store }

    func now() -> Timestamp { clock.now() }

    func advance(by duration: Duration) async throws { clock.advance(by: duration) }

    func jumpWall(by duration: Duration) async throws -> Bool {
        clock.jumpWall(by: duration)
        return true
    }

    func openAnother() async throws -> Store {
        let another = try SQLiteStoreUnderTest.open(directory, clock)
        state.withLock { $0.others.append(another) }
        return seen(another.store)
    }

    func crashAndReopen() async throws {
        try state.withLock { state in
            for opened in state.others + [state.opened] { opened.crash() }
            state.others = []
            state.opened = try SQLiteStoreUnderTest.open(directory, clock)
        }
    }

    func close() async {
        state.withLock { state in
            for opened in state.others + [state.opened] { opened.close() }
        }
        do {
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            Issue.record("the store's directory stays behind: \(error)")
        }
    }
}

@Suite struct SQLiteConformanceTests {
    private let conformance = JobStoreConformance { try SQLiteStoreUnderTest() }

    @Test(arguments: JobStoreConformance.rules)
    func `the SQLite store keeps the rule`(_ rule: JobStoreConformance.Rule) async {
        let failures = await conformance.failures(of: rule)
        #expect(failures == [])
    }

    @Test(arguments: 1...12)
    func `the SQLite store and the model on the same random walk never differ`(_ seed: Int) async {
        let failures = await conformance.failures(ofRandomWalk: UInt64(seed), steps: 250)
        #expect(failures == [])
    }

    @Test(arguments: 1...8)
    func `no limit of the SQLite store is exceeded, and none is left unused while work waits`(_ seed: Int) async {
        let failures = await conformance.failures(ofLimitWalk: UInt64(seed), steps: 150)
        #expect(failures == [])
    }
}

@Suite struct EncryptedConformanceTests {
    private let conformance = JobStoreConformance { try SQLiteStoreUnderTest(cipher: AESCipher(key: .random())) }

    @Test(arguments: JobStoreConformance.rules)
    func `the SQLite store keeps the rule with encryption on`(_ rule: JobStoreConformance.Rule) async {
        let failures = await conformance.failures(of: rule)
        #expect(failures == [])
    }

    @Test(arguments: 101...103)
    func `with encryption on, a random walk never differs from the model`(_ seed: Int) async {
        let failures = await conformance.failures(ofRandomWalk: UInt64(seed), steps: 250)
        #expect(failures == [])
    }
}
