// One of the workers that share the quantization of a model. It is a file of its own, since the page's policy forbids
// workers from blob: addresses.

import { serve } from "channelwise/worker";

serve();
