// What a command finds in its environment: little of the worker's, its own, and who it runs for.

import Errand
import Glibc

/// Builds the environment of one execution's command.
enum CommandEnvironment {
    /// The worker's own variables that commands see; everything else, secrets among it, stays with the worker.
    static let inherited = ["PATH", "HOME", "USER", "LANG", "TZ"]

    /// The values of ``inherited`` that are set in this process.
    static func ofThisProcess() -> [String: String] {
        var values: [String: String] = [:]
        for name in inherited {
            if let value = getenv(name) { values[name] = String(cString: value) }
        }
        return values
    }

    /// `worker`'s inherited variables, then the store, then the command's `own`, then who is running, which nothing replaces.
    static func make(for context: ExecutionContext, own: [String: String], worker: [String: String], store: String?) -> [String: String] {
        var values = worker.filter { inherited.contains($0.key) }
        values["ERRAND_STORE"] = store
        values.merge(own) { _, own in own }
        identify(context, in: &values)
        values["ERRAND_RESULT_FD"] = String(ChildProcess.resultNumber)
        return values
    }

    /// Says who is running.
    static func identify(_ context: ExecutionContext, in values: inout [String: String]) {
        values["ERRAND_EXECUTION_ID"] = context.executionID.description
        values["ERRAND_JOB_ID"] = context.jobID.description
        values["ERRAND_ATTEMPT"] = String(context.attempt)
        values["ERRAND_LEASE_TOKEN"] = String(context.leaseToken)
        values["ERRAND_QUEUE"] = context.queue
        values["ERRAND_KIND"] = context.kind
        values["ERRAND_META"] = json(context.meta)
        values["ERRAND_WORKFLOW_ID"] = context.workflowID?.description
        values["TRACEPARENT"] = context.trace.traceParent
        // Absent ones are removed: they would describe another trace.
        values["TRACESTATE"] = context.trace.traceState
        values["BAGGAGE"] = context.trace.baggage
    }

    /// What is wrong with variables that a person has given, or `nil`.
    static func problem(with variables: [String: String]) -> String? {
        if variables.count > 256 { return "env has \(variables.count) variables, and at most 256 are allowed" }
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            if name.isEmpty || name.utf8.contains(where: { $0 == UInt8(ascii: "=") || $0 == 0 }) {
                return "\"\(name)\" cannot be the name of an environment variable"
            }
            if value.utf8.contains(0) { return "the environment variable \(name) holds a NUL byte" }
            if name.utf8.count + value.utf8.count + 2 > 128 << 10 {
                return "the environment variable \(name) has \(value.utf8.count) bytes, and less than 131072 are allowed"
            }
        }
        return nil
    }

    private static func json(_ values: [String: String]) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "{")]
        for (index, (name, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.append(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            JSONText.append(value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return String(decoding: bytes, as: UTF8.self)
    }
}
