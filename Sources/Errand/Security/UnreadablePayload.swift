// What a worker makes of a job whose payload it cannot open: it runs nothing, and nobody pays for it.

/// Thrown instead of running a handler on a payload that is still sealed. The attempt is refunded, and the job waits for a while: for a
/// worker that has the key, or for an operator.
struct UnreadablePayload: Error, Hashable {
    let problem: SealProblem

    /// The reason why `job` must not run, or `nil`. Judged by the bytes themselves as well: a worker without a cipher meets them too.
    init?(_ job: ClaimedJob) {
        if let problem = job.sealProblem {
            self.problem = problem
        } else if let sealed = SealedBytes(job.payload) {
            problem = .missingKey(id: sealed.keyID)
        } else {
            return nil
        }
    }

    /// What is kept with the execution.
    var error: StoredError { StoredError(type: "PayloadUnreadable", message: "the payload was not run: \(problem)") }

    /// How long the job waits for a worker that can read it: a minute.
    static let delay = Duration.seconds(60)
}
