// Workflows as a program writes them: order, results, what is refused, one trace.

import ErrandContext
import ErrandTesting
import Foundation
import Testing

@testable import Errand

@Suite struct WorkflowTests {
    private struct Fetch: Job {
        static let kind = "fetch"
        var page: Int
    }

    private struct Sum: Job {
        static let kind = "sum"
        static let maxAttempts = 1
        var fails = false
    }

    private struct Page: Codable, Hashable, Sendable { var words: Int }

    private func kit(
        _ ran: Collected<String> = Collected(), sum: @escaping @Sendable (ExecutionContext) async throws -> Void = { _ in }
    ) -> JobKit {
        JobKit(handlers: [
            Handler(Fetch.self) { job, context in
                ran.add("fetch \(job.page) in \(context.traceID)")
                return Page(words: job.page * 10)
            },
            Handler(Sum.self) { job, context in
                ran.add("sum in \(context.traceID)")
                if job.fails { throw Unrecoverable(StoredError(type: "Trouble", message: "no")) }
                try await sum(context)
            },
        ])
    }

    @Test func `jobs run behind what they wait for, read what that gave, and belong to one trace`() async throws {
        let ran = Collected<String>()
        let kit = kit(ran) { context in
            if context.workflowID == nil { return }
            #expect(try await context.result(of: "second", as: Page.self) == Page(words: 20))
            #expect(try await context.results(as: Page.self) == [Page(words: 10), Page(words: 20)])
            let known = try await context.prerequisites()
            #expect(known.map(\.name) == ["first", "second"] && known.map(\.state) == [.completed, .completed])
            #expect(try await context.result(of: try #require(context.firstPrerequisite(known)), as: Page.self) == Page(words: 10))
        }
        var workflow = Workflow("pages")
        // Written the other way round.
        workflow.add("sum", Sum(), after: "first", "second")
        workflow.add("first", Fetch(page: 1))
        workflow.add("second", Fetch(page: 2), after: "first")
        workflow.onSuccess(Sum())
        let started = try await kit.queue.start(workflow)
        #expect(started.jobs.keys.sorted() == ["first", "second", "sum"])
        #expect(try await kit.queue.status(of: started.id)?.live == 3)
        try await kit.drain()
        let status = try #require(try await kit.queue.status(of: started.id))
        #expect(status.state == .completed && status.completed == 3 && status.fraction == 1)
        #expect(ran.values.map { $0.prefix(7) } == ["fetch 1", "fetch 2", "sum in ", "sum in "])
        #expect(Set(ran.values.map { $0.suffix(32) }).count == 1)
    }

    @Test func `what a prerequisite cannot give is told by its name`() async throws {
        let problems = Collected<String>()
        let kit = kit { context in
            for name in ["fetch", "lost", "quiet"] {
                do {
                    _ = try await context.result(of: name, as: [Int].self)
                } catch let error as PrerequisiteError {
                    problems.add(error.description)
                }
            }
        }
        var workflow = Workflow()
        workflow.add("fetch", Fetch(page: 1))
        workflow.add("quiet", Sum(fails: true))
        workflow.add("sum", Sum(), after: ["fetch", "quiet"], ifFailed: .ignore)
        _ = try await kit.queue.start(workflow)
        try await kit.drain()
        try #require(problems.values.count == 3)
        #expect(problems.values[0].contains("is not what the handler expects"))
        #expect(problems.values[1] == "the job has not waited for \"lost\": it has waited for fetch, quiet")
        #expect(problems.values[2].contains("it is dead, which this job ignores"))
    }

    @Test func `a workflow that cannot be is refused, and nothing of it is added`() async throws {
        let kit = kit()
        func problem(_ build: (inout Workflow) -> Void) async throws -> String {
            var workflow = Workflow()
            build(&workflow)
            do {
                _ = try await kit.queue.start(workflow)
            } catch {
                return error.description
            }
            return "none"
        }
        #expect(try await problem { _ in } == "the workflow has no job: add some, or leave it open for those that follow")
        let circle = try await problem {
            $0.add("a", Sum(), after: "b")
            $0.add("b", Sum(), after: "a")
        }
        #expect(circle == "the jobs wait for each other in a circle, \"a\" after \"b\" after \"a\": let one of them wait for less")
        #expect(try await problem { $0.add("a", Sum(), after: "c") } == "\"a\" waits for \"c\", which is no job of the workflow")
        let keyed = try await problem { $0.add("a", Sum(), options: EnqueueOptions { $0.key = "k" }) }
        #expect(keyed.hasPrefix("\"a\" has an idempotency key"))
        let unnamed = try await problem { $0.add("A b", Sum()) }
        #expect(unnamed.contains("is not a job name"))
        let gone = try await problem { $0.add("a", Sum(), options: EnqueueOptions { $0.after = [Dependency(.job(JobID(rawValue: 7)))] }) }
        #expect(gone.contains("there is no job"))
        let late = try await problem {
            $0.add("a", Sum(), options: EnqueueOptions { $0.uniqueness = Uniqueness(key: "u", onConflict: .replace) })
            $0.add("b", Sum(), after: "a", options: EnqueueOptions { $0.uniqueness = Uniqueness(key: "v", onConflict: .keepLast) })
        }
        #expect(late.contains("takes nobody's place"))
        let many = try await problem { workflow in
            for number in 0...Workflow.mostJobs { workflow.add("j\(number)", Sum()) }
        }
        #expect(many.contains("at most 10000 are started at once"))
        let wide = try await problem { workflow in
            for number in 0...Dependency.most { workflow.add("j\(number)", Sum()) }
            workflow.add("last", Sum(), after: (0...Dependency.most).map { "j\($0)" })
        }
        #expect(wide.contains("at most 1000 are allowed"))
        #expect(try await kit.model.jobs(matching: JobSelector(), before: nil, limit: 10).jobs.isEmpty)
    }

    @Test func `a handler adds jobs to its own workflow while it runs`() async throws {
        let kit = JobKit(handlers: [])
        var workflow = Workflow(key: "once")
        workflow.isOpen = true
        let started = try await kit.queue.start(workflow)
        let options = EnqueueOptions { $0.workflow = started.id }
        _ = try await kit.queue.enqueue(Fetch(page: 1), options: options)
        #expect(try await kit.queue.close(started.id)?.total == 1)
        _ = try await kit.queue.enqueue(Fetch(page: 2), options: options)
        #expect(try await kit.queue.status(of: started.id)?.live == 2)
        #expect(try await kit.queue.start(workflow) == StartedWorkflow(id: started.id, isExisting: true, jobs: [:], followers: []))
    }

    @Test func `what waits for a workflow comes behind its jobs, and before what waits for that`() async throws {
        let kit = kit()
        var workflow = Workflow()
        workflow.isOpen = true
        let id = try await kit.queue.start(workflow).id
        let last = try await kit.queue.enqueue(Sum(), options: EnqueueOptions { $0.after = [Dependency(.workflow(id))] })
        let after = try await kit.queue.enqueue(Sum(), options: EnqueueOptions { $0.after = [Dependency(.job(last), ifFailed: .ignore)] })
        let first = try await kit.queue.enqueue(Sum(), options: EnqueueOptions { $0.workflow = id })
        _ = try await kit.queue.close(id)
        #expect(try await JobFamily(in: kit.model.store).jobs(under: [first]) == [first, last, after])
        _ = try await kit.model.cancel([first], reason: nil)
        #expect(try await kit.model.states(of: [first, last, after]) == [.cancelled, .cancelled, .available])
    }

    @Test func `a middleware stands around the start of a workflow, and hands on all of its jobs or none`() async throws {
        let kit = kit()
        var workflow = Workflow()
        workflow.add("a", Sum())
        workflow.onSuccess(Sum())
        let seen = Collected<Int>()
        var queue = kit.queue
        queue.middleware = [
            EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in
                seen.add(jobs.count)
                let results = try await next(
                    jobs.map { job in
                        var job = job
                        job.meta["region"] = "eu"
                        return job
                    })
                seen.add(results.count)
                return results
            }
        ]
        let started = try await queue.start(workflow)
        #expect(seen.values == [2, 2])
        for id in [try #require(started.jobs["a"])] + started.followers {
            #expect(try await kit.model.job(id)?.summary.meta == ["region": "eu"])
        }
        let fewer = EnqueueMiddleware { (jobs, next) async throws(EnqueueError) in try await next(Array(jobs.dropFirst())) }
        let none = EnqueueMiddleware { (_, _) async throws(EnqueueError) in [] }
        for middleware in [fewer, none] {
            queue.middleware = [middleware]
            await #expect(throws: EnqueueError.self) { try await queue.start(workflow) }
        }
    }

    @Test func `nobody takes another's place in a workflow, or behind it`() async throws {
        let kit = kit()
        for isFollower in [false, true] {
            var workflow = Workflow()
            let options = EnqueueOptions { $0.uniqueness = Uniqueness(key: "u", onConflict: .replace) }
            workflow.add("a", Sum(), options: isFollower ? EnqueueOptions() : options)
            if isFollower { workflow.onSuccess(Sum(), options: options) }
            await #expect(throws: EnqueueError.self) { try await kit.queue.start(workflow) }
        }
    }

    @Test func `what hangs on a job is found over causes, dependencies and workflows, each behind what it hangs on`() async throws {
        let kit = kit()
        let first = try await kit.queue.enqueue(Fetch(page: 1))
        let second = try await kit.queue.enqueue(Sum(), options: EnqueueOptions { $0.after = [Dependency(.job(first))] })
        var draft = NewJob(kind: "sum", payload: Array("{}".utf8))
        draft.parent = ExecutionID(second, 1)
        draft.root = ExecutionID(second, 1)
        let caused = try await kit.queue.enqueue([draft])[0].id
        var workflow = Workflow()
        workflow.add("inside", Sum(), options: EnqueueOptions { $0.after = [Dependency(.job(caused))] })
        workflow.onSuccess(Sum())
        let started = try await kit.queue.start(workflow)
        _ = try await kit.queue.enqueue(Fetch(page: 3))
        let inside = try #require(started.jobs["inside"])
        let family = JobFamily(in: kit.model.store)
        #expect(try await family.jobs(under: [first]) == [first, second, caused, inside, started.followers[0]])
        #expect(try await family.jobs(under: [caused]) == [caused, inside, started.followers[0]])
        #expect(try await family.jobs(under: [first], in: [.blocked]) == [second, inside, started.followers[0]])
    }
}

extension ExecutionContext {
    fileprivate func firstPrerequisite(_ records: [DependencyRecord]) -> JobID? {
        if case .job(let id)? = records.first?.prerequisite { id } else { nil }
    }
}
