// A handler that reads what others gave.

import Errand

enum CountPages {
    static var handler: Handler {
        // snippet.show
        let handler = Handler(Count.self) { _, context in
            let home = try await context.result(of: "home", as: Page.self)
            let all = try await context.results(as: Page.self)
            context.logger.info("\(home.words) of \(all.map(\.words).reduce(0, +)) words")
        }
        // snippet.hide
        return handler
    }
}
