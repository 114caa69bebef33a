// The identity for backends of others.

import ErrandContext
import Logging
import Testing

struct ExecutionMetadataTests {
    @Test func `another backend gets the identity of the execution that logs, and nothing outside`() async {
        let context = makeContext(3, ordinal: 2, meta: ["tenant": "a"])
        await context.run {
            #expect(
                Logger.MetadataProvider.execution.get() == [
                    "execution_id": "\(context.executionID)", "job_id": "\(context.jobID)", "attempt": "1", "queue": "default",
                    "kind": "test", "trace_id": "\(context.traceID)", "span_id": "\(context.spanID)", "meta": ["tenant": "a"],
                ])
            context.with(metadata: ["step": "two", "kind": "forged"]) {
                let metadata = Logger.MetadataProvider.execution.get()
                #expect(metadata["step"] == "two" && metadata["kind"] == "test")
            }
            ExecutionContext.none { #expect(Logger.MetadataProvider.execution.get().isEmpty) }
        }
        #expect(Logger.MetadataProvider.execution.get().isEmpty)
    }
}
