// Foundation's rows of the table of mechanisms.

import ErrandContextFoundation
import ErrandTesting
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5)))
struct FoundationMechanismTests {
    private static let all = foundationMechanisms + completionMechanisms

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

    /// In a process of its own: Foundation's `Process` cannot live beside the many descriptors of other tests.
    @Test(arguments: Scene.concurrencies)
    func `a termination handler is nobody's unbound, and right bound`(jobs: Int) async {
        await #expect(processExitsWith: .success) { [jobs] in
            for isBound in [false, true] {
                let finding = try await Scene.play(processMechanism, isBound: isBound, jobs: jobs)
                #expect(finding.differences(from: processMechanism, isBound: isBound) == [])
            }
            let broken = try await Scene.play(processMechanism, isBound: true, jobs: jobs, in: SharedCurrent())
            #expect(broken.wrong == jobs - 1)
        }
    }
}
