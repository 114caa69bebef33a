// Jobs that hang on each other, put together from their parents and from what they wait for: who hangs on whom, how deep, in which trace. Pure.

import Errand
import ErrandContext

/// A tree of jobs as it is shown, from its root down.
struct CausedJobs {
    /// One job, or the place of one that is not on record any more.
    struct Node {
        var id: JobID
        /// `nil` for a job that was pruned, and for one that a limit left out.
        var job: JobLineage?
        /// The trace that its executions belong to.
        var traceID: String
        /// How many parents it has up to the root.
        var depth: Int
        /// The jobs that it enqueued, or that wait for it first of all, oldest first.
        var children: [JobID]
    }

    /// The job at the top; the workflow's number where a workflow is.
    let root: JobID
    /// The workflow at the top.
    let workflow: WorkflowStatus?
    /// What jobs wait for.
    let dependencies: [JobID: [DependencyRecord]]
    private let nodes: [JobID: Node]
    /// How many jobs are on record that are not in the tree.
    let leftOut: Int

    /// How many levels are shown; what lies deeper is counted.
    static let deepest = 30

    /// Puts together what is on record below `root`. A parent that is not on record gets a place of its own, unless a workflow is at the
    /// top. A job that waits for others hangs on the oldest of them.
    init(
        root: JobID, jobs: [JobLineage], total: Int, dependencies: [JobID: [DependencyRecord]] = [:], workflow: WorkflowStatus? = nil
    ) {
        self.root = root
        self.workflow = workflow
        self.dependencies = dependencies
        leftOut = max(0, total - jobs.count)
        var known: [JobID: JobLineage] = [:]
        for job in jobs { known[job.id] = job }
        var children: [JobID: [JobID]] = [:]
        for job in known.values where job.id != root {
            // A parent is older than its child: what claims otherwise was made up, and hangs on the root.
            let caller = job.parent.map(\.job).flatMap { $0 < job.id && (workflow == nil || known[$0] != nil) ? $0 : nil }
            let first = dependencies[job.id]?.compactMap { record -> JobID? in
                guard case .job(let id) = record.prerequisite, id < job.id, known[id] != nil else { return nil }
                return id
            }.min()
            children[first ?? caller ?? root, default: []].append(job.id)
        }
        for parent in children.keys where parent != root && known[parent] == nil { children[root, default: []].append(parent) }
        var nodes: [JobID: Node] = [:]
        var open = [(id: root, depth: 0)]
        while let (id, depth) = open.popLast() {
            let below = (children[id] ?? []).sorted()
            let traceID = CausedJobs.traceID(
                of: id, known[id], isWorkflow: workflow != nil && id == root, children: below.compactMap { known[$0] })
            nodes[id] = Node(id: id, job: known[id], traceID: traceID, depth: depth, children: below)
            open += below.filter { nodes[$0] == nil }.map { ($0, depth + 1) }
        }
        self.nodes = nodes
    }

    /// How many jobs are on record, shown or not.
    var jobCount: Int { nodes.values.count { $0.job != nil } + leftOut }

    /// The node of a job; `nil` when it is not in the tree.
    subscript(id: JobID) -> Node? { nodes[id] }

    /// The trace that the tree begins in.
    var traceID: String { nodes[root]?.traceID ?? "" }

    /// Every node, parents before children, siblings by age; nothing deeper than ``deepest``.
    var nodesInOrder: [Node] {
        var found: [Node] = []
        var open = [root]
        while let id = open.popLast() {
            guard let node = nodes[id], node.depth <= CausedJobs.deepest || workflow != nil else { continue }
            found.append(node)
            open += node.children.reversed()
        }
        return found
    }

    /// How many jobs hang on `id` and what hangs on it.
    func countBelow(_ id: JobID) -> Int {
        var count = 0
        var open = nodes[id]?.children ?? []
        while let next = open.popLast() {
            count += 1
            open += nodes[next]?.children ?? []
        }
        return count
    }

    /// The trace of a job's executions. A job without a caller's position may have run under a tracer that chose the trace: its
    /// children stored it then. Otherwise it follows from the job's ID.
    private static func traceID(of id: JobID, _ job: JobLineage?, isWorkflow: Bool, children: [JobLineage]) -> String {
        if let job, job.traceRelation == .child {
            if let trace = job.trace { return trace.traceID }
            if let workflow = job.summary.workflow { return TraceContext.place(of: workflow).traceID }
        }
        if isWorkflow {
            let first = children.first { $0.traceRelation == .child && $0.trace != nil }?.trace
            return (first ?? TraceContext.place(of: WorkflowID(rawValue: id.rawValue))).traceID
        }
        let told = children.first { $0.traceRelation == .child && $0.trace != nil }?.trace?.traceID
        return told ?? TraceContext.span(of: ExecutionID(id, 1), in: nil).traceID
    }
}
