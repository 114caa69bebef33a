// The leaking places of this process, for an administrator's page or a last line of the log.

import Errand

enum FoundLeaks {
    static func text() -> [String] {
        // snippet.show
        ContextLeaks.found.map { "\($0.site) \($0.flag.setNames.joined()) \($0.count)" }
        // snippet.hide
    }
}
