// The identity as swift-log metadata, for programs that keep their own log backend.

public import Logging

extension Logger.MetadataProvider {
    /// The identity of the execution that logs, for backends other than ``ExecutionLogHandler``: `execution_id`, `job_id`, `attempt`,
    /// `queue`, `kind`, `trace_id`, `span_id`, the caller's own values as `meta`, and the metadata of nested scopes. Nothing outside of
    /// executions.
    ///
    /// ```swift
    /// LoggingSystem.bootstrap(MyBackend.init, metadataProvider: .execution)
    /// ```
    /// Read at every line, so it costs several times what Errand's own handler does, and the lines are in that backend only: Errand's
    /// log of the execution does not have them.
    public static let execution = Logger.MetadataProvider {
        guard let context = ExecutionContext.current else { return [:] }
        var metadata = context.metadata
        metadata["execution_id"] = "\(context.executionID)"
        metadata["job_id"] = "\(context.jobID)"
        metadata["attempt"] = "\(context.attempt)"
        metadata["queue"] = "\(context.queue)"
        metadata["kind"] = "\(context.kind)"
        metadata["trace_id"] = "\(context.traceID)"
        metadata["span_id"] = "\(context.spanID)"
        if !context.meta.isEmpty { metadata["meta"] = .dictionary(context.meta.mapValues { "\($0)" }) }
        return metadata
    }
}
