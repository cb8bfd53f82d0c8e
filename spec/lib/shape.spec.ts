import { expect } from 'chai';
import { shapeOf } from '../../lib/shape.ts';

describe('shapeOf', () => {
  it('says whether a value fits, and why the last one did not', () => {
    const shape = shapeOf<{ id: string }>({ type: 'object', properties: { id: { type: 'string' } }, required: ['id'] });
    expect(shape.fits({ id: 'a', more: 1 })).to.equal(true);
    expect(shape.fits({ id: 1 })).to.equal(false);
    expect(shape.why('the answer')).to.equal('the answer/id must be string');
  });

  it('finds what is misspelt in a schema with the first value', () => {
    const shape = shapeOf<string>({ type: 'string', minLenght: 1 });
    expect(() => shape.fits('a')).to.throw('unknown keyword: "minLenght"');
  });
});
