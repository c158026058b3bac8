import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../support/repository.ts';
import { type Figures, figuresJson } from '../figures.ts';
import { documentPaths, documentsOf, withSection } from './page.ts';

/** Writes figures into docs/: as JSON, as a chart, and into the page. */
export function writeDocuments(figures: Figures): void {
  writeFileSync(at('figures'), figuresJson(figures));
  renderDocuments(readFigures());
}

/** The figures in docs/. */
export function readFigures(): Figures {
  const figures: Figures = JSON.parse(readFileSync(at('figures'), 'utf8'));
  return figures;
}

/** Writes the chart and the part of the page again. */
export function renderDocuments(figures: Figures): void {
  const { section, chart } = documentsOf(figures);
  writeFileSync(at('chart'), chart);
  writeFileSync(at('page'), withSection(readFileSync(at('page'), 'utf8'), section));
}

function at(name: keyof typeof documentPaths): string {
  return join(repositoryRoot, documentPaths[name]);
}
