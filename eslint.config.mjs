import eslint from '@eslint/js';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const ASKS = [
  "CallExpression[callee.property.name='makeRequest']",
  "CallExpression[callee.name='fetch']",
  "CallExpression[callee.object.name=/^(window|globalThis)$/][callee.property.name='fetch']",
  "CallExpression[callee.property.name='sendBeacon']",
  "NewExpression[callee.name='XMLHttpRequest']"
].map(selector => ({
  selector,
  message: 'src/request.ts alone asks the server.'
}));
const LISTENS = [
  'NewExpression[callee.name=/^(WebSocket|EventSource)$/]',
  "NewExpression[callee.property.name='WebSocket']"
].map(selector => ({
  selector,
  message: 'src/stream.ts alone opens WebSockets.'
}));
const only = (files, ...restricted) => ({
  files,
  rules: { 'no-restricted-syntax': ['error', ...restricted] }
});

export default tseslint.config(
  {
    ignores: [
      '.venv/',
      'build/',
      'coverage/',
      'dist/',
      'interp_bench_ext/',
      'lib/',
      'node_modules/',
      'notebooks/',
      'src/generated/',
      'ui-tests/'
    ]
  },
  eslint.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: './tsconfig.eslint.json',
        tsconfigRootDir: import.meta.dirname
      }
    },
    plugins: { 'react-hooks': reactHooks },
    rules: {
      '@typescript-eslint/consistent-type-imports': [
        'error',
        { fixStyle: 'separate-type-imports' }
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'variableLike',
          format: ['camelCase', 'PascalCase', 'UPPER_CASE'],
          leadingUnderscore: 'allow'
        }
      ],
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false } }
      ],
      '@typescript-eslint/no-namespace': 'off',
      '@typescript-eslint/no-redeclare': 'off',
      // Signals take a method and its object apart.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { ignoreVoid: true }
      ],
      complexity: ['error', 12],
      curly: ['error', 'all'],
      eqeqeq: 'error',
      'max-lines': [
        'error',
        { max: 320, skipBlankLines: true, skipComments: true }
      ],
      'no-console': 'error',
      'no-redeclare': 'off',
      'prefer-arrow-callback': 'error',
      'react-hooks/exhaustive-deps': 'error',
      'react-hooks/rules-of-hooks': 'error'
    }
  },
  {
    files: ['*.{mjs,ts}', 'scripts/**', 'style/**'],
    languageOptions: {
      globals: { console: 'readonly', process: 'readonly', URL: 'readonly' }
    }
  },
  only(['src/**/*.{ts,tsx}'], ...ASKS, ...LISTENS),
  only(['src/request.ts'], ...LISTENS),
  only(['src/stream.ts'], ...ASKS),
  {
    files: ['src/testing/**', 'src/**/*.spec.{ts,tsx}'],
    rules: { 'no-restricted-syntax': 'off' }
  },
  { files: ['src/**/*.spec.{ts,tsx}'], rules: { 'max-lines': 'off' } },
  prettier
);
