import { bothWays } from './both-ways';
import { test } from './lab';

test.use({ collaboration: false });

bothWays(false);
