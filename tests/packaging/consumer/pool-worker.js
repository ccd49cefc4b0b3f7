import { serve } from "channelwise/worker";

serve();
