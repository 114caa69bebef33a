// Circles through a workflow that very many wait for.

import Errand
import ErrandContext
import Testing

@testable import ErrandSQLite

@Suite struct CircleTests {
    @Test func `where too many wait for a workflow, only jobs that wait for others are refused`() async throws {
        let store = try TestStore()
        let (jobs, workflows) = (store.sqlite.store.jobs, store.sqlite.store.workflows)
        var draft = NewWorkflow()
        draft.isOpen = true
        let id = try await workflows.start(draft).id
        let plain = NewJob(kind: "k", payload: Array("{}".utf8))
        var waiting = plain
        waiting.after = [Dependency(.workflow(id))]
        _ = try await jobs.enqueue(Array(repeating: waiting, count: QueueDatabase.circleLimit + 1))
        var member = plain
        member.workflow = id
        member.key = "k"
        member.terms.uniqueness = Uniqueness(key: "u")
        _ = try await jobs.enqueue([member])
        #expect(try await workflows.workflow(id)?.total == 1)
        var dependent = plain
        dependent.workflow = id
        dependent.after = [Dependency(.job(try await jobs.enqueue([plain])[0].id))]
        let late = dependent
        await #expect(throws: JobStoreError.self) { try await jobs.enqueue([late]) }
    }

    @Test func `a job of the same call that stands for one which waits is seen through`() async throws {
        let store = try TestStore()
        let (jobs, workflows) = (store.sqlite.store.jobs, store.sqlite.store.workflows)
        var draft = NewWorkflow()
        draft.isOpen = true
        let id = try await workflows.start(draft).id
        var first = NewJob(kind: "k", payload: Array("{}".utf8))
        first.terms.uniqueness = Uniqueness(key: "u")
        var waiting = first
        waiting.after = [Dependency(.workflow(id))]
        _ = try await jobs.enqueue([waiting])
        var second = NewJob(kind: "k", payload: Array("{}".utf8))
        second.workflow = id
        second.after = [Dependency(.entry(0))]
        let call = [first, second]
        await #expect(throws: JobStoreError.self) { try await jobs.enqueue(call) }
    }
}
