// SwiftNIO's rows of the table of mechanisms.

#if Web
import ErrandContextNIO
import ErrandTesting
import Testing

@Suite(.timeLimit(.minutes(5)))
struct NIOMechanismTests {
    private static let all = eventLoopMechanisms + futureMechanisms

    @Test(arguments: all, Scene.concurrencies)
    func `unbound, lines are whose the table says, and captured ones are right and flagged with their place`(
        mechanism: Mechanism, jobs: Int
    ) async throws {
        let finding = try await Scene.play(mechanism, isBound: false, jobs: jobs)
        #expect(finding.differences(from: mechanism, isBound: false) == [])
    }

    @Test(arguments: all, Scene.concurrencies)
    func `bound, every line is right and none is flagged`(mechanism: Mechanism, jobs: Int) async throws {
        let finding = try await Scene.play(mechanism, isBound: true, jobs: jobs)
        #expect(finding.differences(from: mechanism, isBound: true) == [])
    }

    @Test(arguments: all, Scene.concurrencies)
    func `with one current execution for the process, N − 1 of N lines are wrong, bound or not`(mechanism: Mechanism, jobs: Int)
        async throws
    {
        let finding = try await Scene.play(mechanism, isBound: true, jobs: jobs, in: SharedCurrent())
        #expect(finding.wrong == (jobs - 1) * mechanism.says)
    }
}
#endif
