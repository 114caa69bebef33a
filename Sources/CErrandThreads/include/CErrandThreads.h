// Nothing to call: linking this target gives every thread of the program an alternate signal stack.
#pragma once
