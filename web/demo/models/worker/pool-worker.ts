// One of the workers that share out the quantization of a model. A file of its own, since the page's policy allows no
// workers from blob: addresses.

import { serve } from "channelwise/worker";

serve();
