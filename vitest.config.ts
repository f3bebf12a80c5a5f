import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.spec.ts', 'src/**/*.spec.tsx'],
    environment: 'node',
    // Lab's packages are ES modules without saying so in their package.json: Node cannot load them by itself.
    server: { deps: { inline: [/@jupyter/, /@lumino/] } }
  }
});
