// Single values of a payload, changed in place.

import ArgumentParser
import Errand

/// `--set path=value`.
struct PayloadChange: ParsableArguments {
    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Change one value of the payload: customer.id=7, items.0.sku=x or /a.b=true; may be repeated.", valueName: "path=value"),
        transform: PayloadArgument.read)
    var set: [PayloadMatch] = []

    /// What changes the payload of `job` accordingly; `nil` when nothing is to be changed, or there is no such job.
    /// - Throws: ``Failure`` with status 2 for a place that the payload does not have; `JobStoreError`.
    func edit(of job: JobID, in store: Store) async throws -> JobEdit? {
        guard !set.isEmpty, let detail = try await store.inspection.job(job) else { return nil }
        return try applied(to: JobEdit(), of: detail)
    }

    /// `edit` with these values set in its payload, or in that of `job`.
    /// - Throws: ``Failure`` with status 2.
    func applied(to edit: JobEdit, of job: JobDetail) throws -> JobEdit {
        guard !set.isEmpty else { return edit }
        var edit = edit
        var payload = edit.payload ?? job.payload
        if let sealed = SealedBytes(payload) {
            throw Failure(
                .usage,
                "the payload of \(job.summary.id) is encrypted with the key \(sealed.keyID): name the errand.yaml that has it with --config"
            )
        }
        for change in set {
            guard let next = change.path.setting(PayloadChange.json(change.value), in: payload) else {
                throw Failure(
                    .usage,
                    "the payload of \(job.summary.id) has no place \(change.path): `\(Session.program) show \(job.summary.id)` shows it")
            }
            payload = next
        }
        edit.payload = payload
        if let problem = JobRules.problem(with: edit) { throw Failure(.usage, problem) }
        return edit
    }

    /// The value as JSON: as it is when it is that already, otherwise as text.
    private static func json(_ value: String) -> [UInt8] {
        JobRules.payloadProblem(Array(value.utf8)) == nil ? Array(value.utf8) : JSONWriter.string(value)
    }
}
