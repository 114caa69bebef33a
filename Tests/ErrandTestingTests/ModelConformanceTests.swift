// The oracle keeps its own rules, and stores that break one are noticed.

import ErrandTesting
import Testing

@Suite struct ModelConformanceTests {
    private let conformance = JobStoreConformance { ModelStoreUnderTest() }

    @Test(arguments: JobStoreConformance.rules)
    func `the model keeps the rule`(_ rule: JobStoreConformance.Rule) async {
        let failures = await conformance.failures(of: rule)
        #expect(failures == [])
    }

    @Test func `the rules have different names`() {
        let names = JobStoreConformance.rules.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count >= 60)
    }

    @Test(arguments: 1...40)
    func `two models on the same random walk never differ`(_ seed: Int) async {
        let failures = await conformance.failures(ofRandomWalk: UInt64(seed), steps: 300)
        #expect(failures == [])
    }

    @Test(arguments: 1...20)
    func `no limit of the model is exceeded, and none is left unused while work waits`(_ seed: Int) async {
        let failures = await conformance.failures(ofLimitWalk: UInt64(seed), steps: 200)
        #expect(failures == [])
    }

    @Test func `a rule whose store cannot be made fails`() async throws {
        struct Unmakeable: Error {}
        let broken = JobStoreConformance { throw Unmakeable() }
        let rule = try #require(JobStoreConformance.rules.first)
        #expect(await broken.failures(of: rule).count == 1)
        #expect(await broken.failures(ofRandomWalk: 1, steps: 1).count == 1)
    }
}

@Suite struct BrokenVariantTests {
    /// A way to be wrong, the rules that must notice it, and whether a random walk can see it from outside.
    struct Variant: CustomStringConvertible {
        var description: String
        var fault: ModelStore.Fault
        var noticedBy: [String]
        var showsOnWalks = true
    }

    static let variants = [
        Variant(
            description: "no ordinal check on completion", fault: .noOrdinalCheck,
            noticedBy: ["a report about an older execution is refused, also from the worker that holds the job again"]),
        Variant(
            description: "ordinal dropped on retry", fault: .ordinalDroppedOnRetry,
            noticedBy: ["ordinals grow over retry, give-back, snooze, operator's retry, rescue and crash"]),
        Variant(
            description: "claim read in one transaction and taken in another", fault: .claimsInTwoTransactions,
            noticedBy: ["two workers that claim at the same moment never get the same job"], showsOnWalks: false),
        Variant(
            description: "filter after the claim range", fault: .filterAfterRange,
            noticedBy: ["jobs of kinds that nobody asked for stay where they are and hide nothing"]),
        Variant(
            description: "acknowledge before commit", fault: .acknowledgesBeforeCommit,
            noticedBy: ["an acknowledged job survives the death of every process"]),
        Variant(
            description: "convict whatever execution the job is in", fault: .convictsByJob,
            noticedBy: ["a conviction names one execution: a job that runs again, or elsewhere, is not convicted"], showsOnWalks: false),
        Variant(
            description: "neighbours pay an attempt", fault: .neighboursPay,
            noticedBy: ["a convicted execution is crashed and its job waits; its neighbours are interrupted, and nobody pays an attempt"]),
        Variant(
            description: "suspects run beside others", fault: .suspectsMingle,
            noticedBy: ["a suspect is given to nobody who holds anything, and it says that it waits"]),
        Variant(
            description: "a known culprit's neighbours become suspects", fault: .suspectsNeighbours,
            noticedBy: ["an end of its own breaks a row of deaths; shutdowns, lost leases and known culprits neither count nor break it"],
            showsOnWalks: false),
        Variant(
            description: "look at limits once for each claim", fault: .limitsCheckedOnce,
            noticedBy: [
                "no more jobs of a queue run than its concurrency, whoever asks, and no fewer while there are jobs",
                "a rate lets its burst start at once, then one job in each interval, and the reply tells when",
            ]),
        Variant(
            description: "run paused kinds", fault: .pausedKindsRun,
            noticedBy: ["a paused kind gives out nothing in any queue, and hides no other kind"]),
        Variant(
            description: "save no permits", fault: .permitsNotSaved,
            noticedBy: ["a rate lets its burst start at once, then one job in each interval, and the reply tells when"]),
        Variant(
            description: "take the condemned for dead", fault: .takesCondemnedForDead,
            noticedBy: ["whoever finishes the rescue of a worker that was condemned by time does not take it for dead while it lives"],
            showsOnWalks: false),
        Variant(
            description: "the event stream forgets retries", fault: .forgetsRetryEvents,
            noticedBy: ["the stream tells the way of a job in order, each event with its execution"], showsOnWalks: false),
        Variant(
            description: "progress is taken from whoever tells it", fault: .progressUnfenced,
            noticedBy: ["progress of an execution that its worker does not hold is dropped"], showsOnWalks: false),
        Variant(
            description: "a slot is fired whichever it is", fault: .firesAnySlot,
            noticedBy: ["a slot is fired once, together with its jobs, however many try"], showsOnWalks: false),
        Variant(
            description: "everybody leads", fault: .everybodyLeads,
            noticedBy: ["of the workers that offer to lead one is told of slots, until it is gone"], showsOnWalks: false),
        Variant(
            description: "steps are recorded for whoever asks", fault: .stepsUnfenced,
            noticedBy: ["nobody records a step for an execution that it does not hold", "a worker that was condemned records no step"],
            showsOnWalks: false),
        Variant(
            description: "the ordinals of imported jobs begin anew", fault: .ordinalsBeginAnewOnImport,
            noticedBy: [
                "the next execution of an imported job has a higher ordinal than all before, also after a retry, a delay and a crash"
            ],
            showsOnWalks: false),
        Variant(
            description: "quiet workers claim", fault: .quietWorkersClaim,
            noticedBy: ["a worker that is quiet or leaves is given nothing, reports all the same, and is given jobs again when told"],
            showsOnWalks: false),
        Variant(
            description: "look at a limit key once for each claim", fault: .keysCheckedOnce,
            noticedBy: ["a limit that is set later holds for jobs that are there, a higher one lets more start at once, and none lets all"]),
        Variant(
            description: "admit nobody when a limit key has room again", fault: .keepsWaiting,
            noticedBy: ["a limit key's slot is free again however its job ended: outcome, wait, give-back, cancel, delete, rescue"]),
        Variant(
            description: "ignore sequences", fault: .ignoresSequences,
            noticedBy: [
                "jobs of a sequence run one at a time in the order in which they were added, whatever their priorities",
                "a death that halts keeps the others waiting until the job is retried, also through pruning",
            ]),
        Variant(
            description: "ignore dependencies", fault: .ignoresDependencies,
            noticedBy: [
                "a job waits until the last of what it depends on has completed, and is due then",
                "jobs of one call can wait for each other",
            ]),
        Variant(
            description: "never cascade", fault: .neverCascades,
            noticedBy: ["death and cancellation cascade, are ignored, or held on to, as the policy says"]),
        Variant(
            description: "edit what runs", fault: .editsWhatRuns, noticedBy: ["a job that runs or is over is not edited"]),
        Variant(
            description: "keys outlive their jobs", fault: .keysOutliveJobs,
            noticedBy: [
                "deleting takes jobs that are over with all that they held, live ones only when told, running ones never",
                "a pruned job releases its key and takes its history with it; its ID is never used again",
            ]),
        Variant(
            description: "any of several tags will do", fault: .anyTagWillDo,
            noticedBy: ["a list by tags gives the jobs that have all of them, newest first, in every state and page size"]),
        Variant(
            description: "unique keys are not looked at", fault: .forgetsUniqueKeys,
            noticedBy: [
                "of the jobs with one unique key one lives: available, scheduled, running, retryable, rescued, after a crash",
                "behind a keep-last job that runs one more waits, and the latest payload counts",
            ]),
        Variant(
            description: "an ended job keeps its unique key", fault: .keepsUniqueKeys,
            noticedBy: ["whoever waits behind a unique key is placed at every end of the owner, and may be cancelled itself"]),
        Variant(
            description: "no job ends by itself", fault: .neverExpires,
            noticedBy: [
                "a job that has not started by its expiry is cancelled with the reason expired, by the next step of any worker",
                "a job that waits at its deadline is dead with the reason deadline, retryable and held ones too",
            ], showsOnWalks: false),
    ]

    @Test(arguments: variants)
    func `a broken store fails exactly where it is broken`(_ variant: Variant) async throws {
        let conformance = JobStoreConformance { ModelStoreUnderTest(faults: variant.fault) }
        for name in variant.noticedBy {
            let rule = try #require(JobStoreConformance.rule(named: name))
            #expect(await conformance.failures(of: rule) != [], "not noticed by: \(name)")
        }
        let unrelated = try #require(JobStoreConformance.rule(named: "a list gives every job once, newest first, whatever the page size"))
        #expect(await conformance.failures(of: unrelated) == [])
    }

    @Test(arguments: [ModelStore.Fault.limitsCheckedOnce, .pausedKindsRun, .permitsNotSaved])
    func `a walk under limits notices a limit that is exceeded, and one that is left unused`(_ fault: ModelStore.Fault) async {
        let conformance = JobStoreConformance { ModelStoreUnderTest(faults: fault) }
        var noticed: [String] = []
        for seed in 1...5 where noticed.isEmpty { noticed = await conformance.failures(ofLimitWalk: UInt64(seed), steps: 200) }
        #expect(noticed.first?.hasPrefix("seed ") == true)
    }

    @Test(arguments: variants.filter(\.showsOnWalks))
    func `a random walk notices a broken store and names its seed`(_ variant: Variant) async {
        let conformance = JobStoreConformance { ModelStoreUnderTest(faults: variant.fault) }
        var noticed: [String] = []
        for seed in 1...20 where noticed.isEmpty {
            noticed = await conformance.failures(ofRandomWalk: UInt64(seed), steps: 400)
        }
        #expect(noticed.first?.hasPrefix("seed ") == true)
    }
}
