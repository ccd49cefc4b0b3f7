import "channelwise/worker";
