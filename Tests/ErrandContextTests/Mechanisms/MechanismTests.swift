// The table of mechanisms, row by row: whose lines are without our API, and that they are right with it.

import Errand
import ErrandContext
import ErrandTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct MechanismTests {
    private static let all: [Mechanism] = survivingMechanisms + escapingMechanisms + crossingMechanisms + sharingMechanisms
    private static let bindable: [Mechanism] = all.filter(\.hasBoundForm)

    @Test(arguments: all, Scene.concurrencies)
    func `unbound, lines are whose the table says, and captured ones are right and flagged with their place`(
        mechanism: Mechanism, jobs: Int
    ) async throws {
        let finding = try await Scene.play(mechanism, isBound: false, jobs: jobs)
        #expect(finding.differences(from: mechanism, isBound: false) == [])
    }

    @Test(arguments: bindable, Scene.concurrencies)
    func `bound, every line is right and none is flagged`(mechanism: Mechanism, jobs: Int) async throws {
        let finding = try await Scene.play(mechanism, isBound: true, jobs: jobs)
        #expect(finding.differences(from: mechanism, isBound: true) == [])
    }

    @Test(arguments: all.filter { !$0.playsOnce }, Scene.concurrencies)
    func `with one current execution for the process, N − 1 of N lines are wrong, bound or not`(mechanism: Mechanism, jobs: Int)
        async throws
    {
        let finding = try await Scene.play(mechanism, isBound: true, jobs: jobs, in: SharedCurrent())
        #expect(finding.wrong == (jobs - 1) * mechanism.says)
        #expect(finding.differences(from: mechanism, isBound: true) != [])
    }

    @Test(arguments: Scene.concurrencies)
    func `with a current execution in the thread's dictionary, N − 1 of N lines are wrong on one thread`(jobs: Int) async throws {
        let keepingOn = try #require(survivingMechanisms.first)
        let finding = try await withTaskExecutorPreference(QueueTaskExecutor()) {
            try await Scene.play(keepingOn, isBound: false, jobs: jobs, in: ThreadDictionary())
        }
        #expect(finding.wrong == jobs - 1)
    }

    @Test(arguments: Scene.concurrencies)
    func `with a current execution that an actor holds, N − 1 of N lines are wrong`(jobs: Int) async {
        let wrong = await Processor(jobs: jobs).processAll()
        #expect(wrong == jobs - 1)
    }

    /// Remembers the current job as a property: every await lets the next job overwrite it.
    private actor Processor {
        private let jobs: Int
        private let meetingPoint: MeetingPoint
        private var current = 0
        private var wrong = 0

        init(jobs: Int) {
            self.jobs = jobs
            meetingPoint = MeetingPoint(parties: jobs)
        }

        func processAll() async -> Int {
            await withDiscardingTaskGroup { group in
                for job in 0..<jobs { group.addTask { await self.process(job) } }
            }
            return wrong
        }

        private func process(_ job: Int) async {
            current = job
            await meetingPoint.arrive()
            if current != job { wrong += 1 }
        }
    }
}
