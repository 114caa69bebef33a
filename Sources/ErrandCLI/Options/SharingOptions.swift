// What a job shares with others, on the command line: limits, and a row in which one runs after another.

import ArgumentParser
import Errand

/// Limit key and sequence.
struct SharingOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "With whom the job shares limits and its turn in a fair queue, a tenant for example: see `queues set`.", valueName: "text"))
    var limitKey: String?

    @Option(
        help: ArgumentHelp(
            "Run after all earlier jobs of this queue with the same text have ended, one at a time, through their retries.",
            valueName: "text"))
    var sequence: String?

    @Flag(help: "With --sequence: if this job dies, the sequence stops until somebody retries or deletes it, or resumes the sequence.")
    var halt = false

    func validate() throws {
        if halt, sequence == nil { throw ValidationError("--halt says more about a sequence: give one too, with --sequence.") }
    }

    /// `job` with what was asked for.
    func apply(to job: inout NewJob) {
        if let limitKey { job.terms.limitKey = limitKey }
        if let sequence { job.terms.sequence = JobSequence(sequence, haltsOnDeath: halt) }
    }
}
