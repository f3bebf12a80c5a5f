import { defineConfig } from '@playwright/test';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: '.',
  // A page often waits for its server: two Labs fill two cores.
  workers: 2,
  timeout: 180_000,
  // The first cell of a server waits for its organism, on a busy machine for long.
  expect: { timeout: 60_000 },
  reporter: [['list']],
  outputDir: '../.ui-test-results',
  use: {
    actionTimeout: 30_000,
    viewport: { width: 1360, height: 860 },
    screenshot: 'only-on-failure',
    // Pictures of each frame would take a third of the time of all tests.
    trace: {
      mode: 'retain-on-failure',
      screenshots: false,
      snapshots: true,
      sources: true
    },
    launchOptions: {
      executablePath: chromium,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run'
      ]
    }
  }
});
