import { test } from './lab';
import { besideARun } from './redteam-run';

test.use({ collaboration: false });

besideARun('file');
