import { defineConfig } from 'vitest/config';

// TensorBoard imports index.js as an ES module from an iframe and calls its export `render`. Every
// address is relative, so that the tab works behind proxies and with --path_prefix.
export default defineConfig({
  base: './',
  publicDir: false,
  build: {
    outDir: '../tensorboard_plugin_collapse/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      input: 'src/main.ts',
      preserveEntrySignatures: 'exports-only',
      output: { format: 'es', entryFileNames: 'index.js', codeSplitting: false },
    },
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
