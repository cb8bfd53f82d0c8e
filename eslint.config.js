import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import rxjsX from 'eslint-plugin-rxjs-x';

/** What a folder may not import; README explains these boundaries in four lines. */
function boundary(files, forbidden, message) {
  return {
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: forbidden.map((group) => ({ regex: group, message })) }] },
  };
}

const clocks = ['Date', 'setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
  name,
  message: 'Time comes from RxJS and its scheduler, so that replay can run on virtual time.',
}));

export default defineConfig(
  { ignores: ['coverage/', 'dist/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, rxjsX.configs.strict],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'rxjs-x/finnish': 'off',
      'rxjs-x/no-ignored-notifier': 'off',
      // An end's call that emits nothing is a bug, and EmptyError says so.
      'rxjs-x/no-ignored-default-value': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
        { selector: 'TSEnumDeclaration', message: 'Unions, not enums.' },
      ],
    },
  },
  boundary(
    ['lib/model/**/*.ts'],
    ['^rxjs', '^axios', '^pino', '^node:(?!crypto$)', '/(nomad|haproxy|commands)/', '/(streams|operators)/'],
    'lib/model is plain functions and data: no I/O and no rxjs.',
  ),
  boundary(
    ['operators/**/*.ts'],
    ['^axios', '^pino', '^node:', '/(nomad|haproxy|commands)/', '/streams/'],
    'An operator touches rxjs and lib/model only.',
  ),
  boundary(['streams/**/*.ts'], ['/commands/'], 'lib/commands composes streams, not the other way round.'),
  boundary(
    ['lib/{nomad,haproxy}/**/*.ts'],
    ['/(streams|operators|commands)/'],
    'A client knows the wire and the model, not the pipeline.',
  ),
  { files: ['operators/**/*.ts', 'streams/**/*.ts'], rules: { 'no-restricted-globals': ['error', ...clocks] } },
  {
    files: ['spec/**/*.ts', 'spec-integration/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'rxjs-x/no-ignored-subscription': 'off',
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { 'no-restricted-syntax': 'off' },
  },
);
