import { defineConfig } from '@playwright/test';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';

export default defineConfig({
  testDir: '.',
  // One Lab with its kernels is enough work for two cores.
  workers: 1,
  timeout: 180_000,
  // The first cell of a server waits for its organism, on a busy machine for long.
  expect: { timeout: 60_000 },
  reporter: [['list']],
  outputDir: '../.ui-test-results',
  use: {
    actionTimeout: 30_000,
    viewport: { width: 1360, height: 860 },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
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
