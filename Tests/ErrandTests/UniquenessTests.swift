// Unique keys: what makes one, how it is kept, and what a typed job says.

import Errand
import ErrandTesting
import FoundationEssentials
import Testing

@Suite struct UniquenessTests {
    private struct Sync: Job {
        static let kind = "sync"
        var account: Int
        var note = ""
        var uniqueness: Uniqueness? { Uniqueness(key: "\(account)") }
    }

    private struct Plain: Job {
        static let kind = "plain"
        var account: [String: Int]
        var tries: Int?
    }

    private func key(_ payload: String, _ fields: String...) throws -> String {
        try Uniqueness(by: fields).resolved(for: Array(payload.utf8)).key
    }

    @Test func `a typed job names its own key, the options come before it, and the owner is in the error`() async throws {
        let queue = JobQueue(store: ModelStore().store)
        let id = try await queue.enqueue(Sync(account: 7))
        await #expect(throws: EnqueueError.uniqueConflict(key: "7", existing: id)) {
            try await queue.enqueue(Sync(account: 7, note: "again"))
        }
        #expect(try await queue.enqueue(Sync(account: 8)) != id)
        let replace = EnqueueOptions { $0.uniqueness = Uniqueness(key: "7", onConflict: .replace) }
        #expect(try await queue.enqueue(Sync(account: 9), options: replace) == id)
        #expect(try await queue.enqueue([Sync(account: 7), Sync(account: 10)]).map(\.word) == ["unique", "added"])
    }

    @Test func `fields make the key of the job that is encoded`() async throws {
        let queue = JobQueue(store: ModelStore().store)
        let options = EnqueueOptions { $0.uniqueness = Uniqueness(by: ["account", "tries"]) }
        let id = try await queue.enqueue(Plain(account: ["a": 1, "b": 2]), options: options)
        await #expect(throws: EnqueueError.uniqueConflict(key: "account,tries", existing: id)) {
            try await queue.enqueue(Plain(account: ["b": 2, "a": 1]), options: options)
        }
        #expect(try await queue.enqueue(Plain(account: ["b": 2, "a": 1], tries: 1), options: options) != id)
    }

    @Test func `equal values make one key however they are spelt, different ones never`() throws {
        #expect(try key(#"{"a":{"y":1,"x":[ 1 , "\u0041" ]}}"#, "a") == key(#"{ "b":2, "a" : {"x":[1,"A"],"y":1} }"#, "a"))
        #expect(try key(#"{"a":"1"}"#, "a") != key(#"{"a":1}"#, "a"))
        #expect(try key(#"{"a":null,"b":1}"#, "a", "b") == key(#"{"b":1}"#, "a", "b"))
        #expect(try key(#"{"a":"1,b=2","b":3}"#, "a", "b") != key(#"{"a":"1","b":"2,b=3"}"#, "a", "b"))
        #expect(throws: UniqueFieldsProblem.self) { try key(#"{"b":1}"#, "a") }
        #expect(throws: UniqueFieldsProblem.self) { try key(#"{"b":1}"#, "b", "") }
    }

    @Test(arguments: [
        Uniqueness(key: "a"), Uniqueness(by: ["a.b"], scope: .store, until: .started, onConflict: .replace),
        Uniqueness(key: "é\n", scope: .queue, onConflict: .debounce(delay: .milliseconds(1), maximumWait: nil), period: .seconds(5)),
        Uniqueness(key: "a", scope: .kindAndQueue, onConflict: .debounce(delay: .seconds(9), maximumWait: .microseconds(7))),
        Uniqueness(key: "a", onConflict: .keepLast),
    ])
    func `what is kept comes back`(uniqueness: Uniqueness) throws {
        let json = try JSONEncoder().encode(uniqueness)
        #expect(try JSONDecoder().decode(Uniqueness.self, from: json) == uniqueness)
    }

    @Test func `keys of different scopes and makes are different`() {
        var marks = Uniqueness.Scope.allCases.map { Uniqueness(key: "a", scope: $0).mark(kind: "k", queue: "k") }
        var derived = Uniqueness(by: ["x"])
        derived.key = "a"
        marks.append(derived.mark(kind: "k", queue: "k"))
        #expect(Set(marks).count == 5)
    }
}
