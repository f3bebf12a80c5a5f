import { besideARun } from './redteam-run';

besideARun('rtc');
