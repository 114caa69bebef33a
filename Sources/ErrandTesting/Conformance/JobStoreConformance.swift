// The conformance suite: the rules that every store keeps, each a sentence with a check, run over any store.

import Errand

/// Checks stores against the rules of the seams. The checks return what they found instead of recording it, so that a test can also
/// expect a broken store to fail.
///
/// ```swift
/// @Test(arguments: JobStoreConformance.rules)
/// func `the store keeps the rule`(_ rule: JobStoreConformance.Rule) async {
///     let conformance = JobStoreConformance { ModelStoreUnderTest() }
///     #expect(await conformance.failures(of: rule) == [])
/// }
/// ```
public struct JobStoreConformance: Sendable {
    private let makeStore: @Sendable () async throws -> any ConformingStore

    /// A suite over the stores that `makeStore` makes: a new, empty one at every call.
    public init(makeStore: @escaping @Sendable () async throws -> any ConformingStore) {
        self.makeStore = makeStore
    }

    /// Every rule, in the order in which a reader would ask for them.
    public static let rules: [Rule] =
        enqueueRules + claimRules + reportRules + doubtRules + timeRules + workerRules + crashRules + suspectRules + controlRules
        + editRules + orderRules
        + inspectionRules + selectionRules
        + lineageRules
        + pruneRules + uniqueRules + expiryRules
        + sharingRules
        + logRules
        + doorbellRules
        + progressRules
        + limitRules + keyRules + sequenceRules + turnRules
        + eventRules + metricsRules
        + periodicRules + stepRules
        + dependencyRules + workflowRules
        + transferRules

    /// The rule with that name, or `nil`.
    public static func rule(named name: String) -> Rule? { rules.first { $0.name == name } }

    /// One rule.
    public struct Rule: Sendable, CustomStringConvertible {
        /// The rule, as a sentence.
        public let name: String
        let check: @Sendable (RuleCheck) async throws -> Void

        init(_ name: String, check: @escaping @Sendable (RuleCheck) async throws -> Void) {
            self.name = name
            self.check = check
        }

        /// The rule, as a sentence.
        public var description: String { name }
    }

    /// Checks one rule on a new store; the deviations that were found, empty when the rule is kept. An error that a store throws where
    /// the rule does not expect one is a deviation too.
    public func failures(of rule: Rule) async -> [String] {
        let subject: any ConformingStore
        do {
            subject = try await makeStore()
        } catch {
            return ["the store could not be made: \(error)"]
        }
        let check = RuleCheck(subject: subject)
        do {
            try await rule.check(check)
        } catch {
            check.fail("\(error)")
        }
        await subject.close()
        return check.failures
    }

    /// Makes `steps` random operations on a new store and on a ``ModelStore``, side by side, and compares all that can be seen; the
    /// deviations that were found, each with `seed` and step. The first deviation ends the walk.
    public func failures(ofRandomWalk seed: UInt64, steps: Int) async -> [String] {
        await withStore { subject in
            var walk = RandomWalk(seed: seed, subject: subject)
            return await walk.run(steps: steps)
        }
    }

    /// What `walk` finds on a new store.
    func withStore(_ walk: (any ConformingStore) async -> [String]) async -> [String] {
        let subject: any ConformingStore
        do {
            subject = try await makeStore()
        } catch {
            return ["the store could not be made: \(error)"]
        }
        let failures = await walk(subject)
        await subject.close()
        return failures
    }
}
