//! Fingerprint sets, and the lists that keys and responses come from.

use std::borrow::Cow;
use std::sync::Arc;

use ifrs_core::attest::decoys::decoys as draw_decoys;
use ifrs_core::attest::rank_text;
use ifrs_core::attest::ranking::{by_label, by_mention, by_scores};
use ifrs_core::attest::shown::rank_shown;
use ifrs_core::encoding::hex;
use ifrs_core::fingerprint::choices::{Asked, Frame, mentioned};
use ifrs_core::fingerprint::set::{
    look_alike_bytes as core_look_alike_bytes, look_alike_keys, look_alikes as core_look_alikes,
};
use ifrs_core::fingerprint::signal::{QUESTIONS, Tally};
use ifrs_core::fingerprint::{
    Alphabet, Alphabets, ContextValue, FingerprintError, FingerprintSet, codebook as core_codebook,
    lists, media,
};
use ifrs_core::merkle;
use ifrs_core::statistics::Rank;
use ifrs_matching::plain;
use ifrs_matching::signal::{Painter, Vocabulary};
use numpy::ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::{PyIndexError, PyKeyboardInterrupt, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::attest::parse_protocol;
use crate::errors::{from_attest, from_fingerprint, from_statistics};
use crate::interrupts::interrupted;
use crate::statistics::{RankRow, row};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyFingerprintSet>()?;
    module.add_class::<PyFingerprint>()?;
    module.add_class::<PyAlphabet>()?;
    module.add_class::<PyPainter>()?;
    module.add_function(wrap_pyfunction!(signal_questions, module)?)?;
    module.add_function(wrap_pyfunction!(alphabets, module)?)?;
    module.add_function(wrap_pyfunction!(response_words, module)?)?;
    module.add_function(wrap_pyfunction!(response_alphabet, module)?)?;
    module.add_function(wrap_pyfunction!(look_alikes, module)?)?;
    module.add_function(wrap_pyfunction!(look_alike_bytes, module)?)?;
    module.add_function(wrap_pyfunction!(read_key, module)?)?;
    module.add_function(wrap_pyfunction!(read_pair, module)?)?;
    module.add_function(wrap_pyfunction!(choices, module)?)?;
    module.add_function(wrap_pyfunction!(choices_said, module)?)?;
    module.add_function(wrap_pyfunction!(codebook, module)?)
}

/// Lists that a tokenizer can express, as Python hands them over.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct PyAlphabets {
    chinese: Vec<String>,
    family: Vec<String>,
    given: Vec<String>,
    vocab: Vec<String>,
}

impl From<PyAlphabets> for Alphabets {
    fn from(lists: PyAlphabets) -> Self {
        let PyAlphabets { chinese, family, given, vocab } = lists;
        Self { chinese, family, given, vocab }
    }
}

/// Calls Python to ask which candidate keys a tokenizer keeps, and remembers its exception.
pub(crate) struct PyCheck {
    callable: Py<PyAny>,
    pub(crate) raised: Option<PyErr>,
}

impl PyCheck {
    pub(crate) fn new(callable: Py<PyAny>) -> Self {
        Self { callable, raised: None }
    }

    pub(crate) fn call(&mut self, keys: &[String]) -> Result<Vec<bool>, FingerprintError> {
        Python::attach(|py| self.callable.call1(py, (keys,))?.extract(py)).map_err(|error| {
            self.raised = Some(error);
            FingerprintError::Check
        })
    }
}

/// The bundled lists of keys, by name.
#[pyfunction]
fn alphabets(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let lists = PyDict::new(py);
    lists.set_item("chinese", lists::chinese())?;
    lists.set_item("family", lists::japanese_family())?;
    lists.set_item("given", lists::japanese_given())?;
    Ok(lists)
}

/// The words that responses are made of, in the alphabet's order.
#[pyfunction]
fn response_words() -> &'static [&'static str] {
    lists::response_words()
}

/// The response alphabet's published name and SHA-256.
#[pyfunction]
fn response_alphabet() -> (String, [u8; 32]) {
    let words = Alphabet::default();
    (words.name().to_owned(), words.sha256())
}

/// Fresh public keys of the same look as a source's.
#[pyfunction]
#[pyo3(signature = (source, n, seed, alphabets=None, check=None))]
fn look_alikes(
    py: Python<'_>,
    source: &str,
    n: usize,
    seed: u64,
    alphabets: Option<PyAlphabets>,
    check: Option<Py<PyAny>>,
) -> PyResult<Vec<String>> {
    let source = source.parse().map_err(from_fingerprint)?;
    let alphabets = alphabets.map_or_else(Alphabets::default, Alphabets::from);
    let mut check = check.map(PyCheck::new);
    let keys = py.detach(|| match &mut check {
        Some(check) => {
            let mut ask = |keys: &[String]| check.call(keys);
            core_look_alikes(source, n, seed, &alphabets, Some(&mut ask))
        }
        None => core_look_alikes(source, n, seed, &alphabets, None),
    });
    keys.map_err(|error| raised(check).unwrap_or_else(|| from_fingerprint(error)))
}

/// Fresh public keys of uniform bytes.
#[pyfunction]
fn look_alike_bytes<'py>(
    py: Python<'py>,
    length: usize,
    n: usize,
    seed: u64,
) -> Vec<Bound<'py, PyBytes>> {
    let keys = py.detach(|| core_look_alike_bytes(length, n, seed));
    keys.iter().map(|key| PyBytes::new(py, key)).collect()
}

/// What a key that is a file holds: type, shape and offset of its array.
///
/// Raises ValueError where it is not of the one spelling that keys have.
#[pyfunction]
fn read_key<'py>(
    py: Python<'py>,
    media: &str,
    data: &[u8],
) -> PyResult<(&'static str, Bound<'py, PyTuple>, usize)> {
    let found = media::read(media, data)
        .ok_or_else(|| PyValueError::new_err(format!("this is no key of the medium {media:?}")))?;
    Ok((found.dtype, PyTuple::new(py, found.shape)?, found.offset))
}

/// The parts of a key that is a pair: the file of its image, and its text.
///
/// Raises ValueError where it is not of the one spelling that keys have.
#[pyfunction]
fn read_pair<'py>(py: Python<'py>, data: &'py [u8]) -> PyResult<(Bound<'py, PyBytes>, &'py str)> {
    let found = media::pair::read(data)
        .ok_or_else(|| PyValueError::new_err("this is no pair of an image and a text"))?;
    Ok((PyBytes::new(py, found.image), found.text))
}

/// The sentence that answers a question, apart from what it says: what stands before a choice, all
/// choices of the question's list as they are said, and what stands behind.
///
/// Raises ValueError where it is no question whose answers are listed.
#[pyfunction]
fn choices(question: &str) -> PyResult<(String, Vec<String>, String)> {
    let Frame { before, spoken, after } = read_question(question)?.frame();
    Ok((before, spoken, after))
}

/// Places of the choices that an answer to a question mentions, in order.
///
/// Raises ValueError where it is no question whose answers are listed.
#[pyfunction]
fn choices_said(question: &str, answer: &str) -> PyResult<Vec<usize>> {
    Ok(mentioned(&read_question(question)?, answer))
}

fn read_question(question: &str) -> PyResult<Asked<'_>> {
    Asked::read(question)
        .ok_or_else(|| PyValueError::new_err("this is no question whose answers are listed"))
}

/// How many questions of each domain may be asked: the last number is the most.
#[pyfunction]
fn signal_questions() -> [usize; 3] {
    QUESTIONS
}

/// Vectors that a digest of 32 bytes gives, int16 (2048, dimension): divide each by its length.
#[pyfunction]
fn codebook<'py>(
    py: Python<'py>,
    digest: &[u8],
    dimension: usize,
) -> PyResult<Bound<'py, PyArray2<i16>>> {
    let digest =
        digest.try_into().map_err(|_| PyValueError::new_err("a codebook's digest has 32 bytes"))?;
    let found = py
        .detach(|| core_codebook::codebook(digest, dimension))
        .ok_or_else(|| PyValueError::new_err("a codebook's dimension is between 8 and 16,384"))?;
    let found = Array2::from_shape_vec((core_codebook::CODES, dimension), found);
    Ok(found.expect("it has that many").into_pyarray(py))
}

/// From what responses are drawn: a name, and the sizes of its factors.
#[pyclass(name = "Alphabet", module = "ifrs._core", frozen)]
pub(crate) struct PyAlphabet(Alphabet);

#[pymethods]
impl PyAlphabet {
    /// Its published name.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// How many candidates each factor has.
    #[getter]
    fn sizes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.sizes())
    }

    /// SHA-256 of its published list, in hexadecimal.
    #[getter]
    fn sha256(&self) -> String {
        hex(&self.0.sha256())
    }

    fn __repr__(&self) -> String {
        format!("Alphabet({:?}, {:?})", self.0.name(), self.0.sizes())
    }
}

/// One domain's true colouring, over a vocabulary. It is secret.
#[pyclass(name = "Painter", module = "ifrs._core", frozen)]
pub(crate) struct PyPainter {
    painter: Painter,
    vocabulary: Vocabulary,
}

#[pymethods]
impl PyPainter {
    /// Whether each token would begin a green pair behind some texts, bool (texts, vocabulary).
    fn paint<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<String>,
    ) -> PyResult<Bound<'py, PyArray2<bool>>> {
        let size = (texts.len(), self.vocabulary.len());
        let painted = py.detach(|| {
            let mut out = vec![false; size.0 * size.1];
            self.painter.paint(&self.vocabulary, &texts, &mut out);
            out
        });
        let shaped = Array2::from_shape_vec(size, painted);
        Ok(shaped.expect("it is of that size").into_pyarray(py))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __copy__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(secret())
    }
}

/// The exception of a tokenizer check, if that is what went wrong.
pub(crate) fn raised(check: Option<PyCheck>) -> Option<PyErr> {
    check.and_then(|check| check.raised)
}

/// Fingerprints made together. Their text is secret: none of it is in the repr.
#[pyclass(name = "FingerprintSet", module = "ifrs", frozen, weakref)]
pub(crate) struct PyFingerprintSet(pub(crate) Arc<FingerprintSet>);

impl PyFingerprintSet {
    fn at(&self, index: isize) -> PyResult<usize> {
        let len = self.0.len();
        let place = if index < 0 { index + len as isize } else { index };
        match usize::try_from(place) {
            Ok(index) if index < len => Ok(index),
            _ => Err(PyIndexError::new_err("fingerprint index out of range")),
        }
    }

    /// What answers say of every colouring of one domain, and where the true one stands.
    fn tallied<'a>(
        &self,
        index: usize,
        answers: impl IntoIterator<Item = &'a str>,
    ) -> PyResult<(Tally, Rank)> {
        let set = &self.0;
        let family = set.family(index).ok_or_else(no_signal)?;
        let tally = family
            .tally(answers, &interrupted)
            .ok_or_else(|| PyKeyboardInterrupt::new_err("counting was interrupted"))?;
        let ranks = by_scores(set.alphabet(), set.places(index), &[tally.scores()]);
        Ok((tally, ranks.map_err(from_statistics)?[0]))
    }
}

#[pymethods]
impl PyFingerprintSet {
    /// The set's name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.spec().name
    }

    /// Where the keys come from.
    #[getter]
    fn source(&self) -> &'static str {
        self.0.spec().source.name()
    }

    /// How a key becomes a prompt.
    #[getter]
    fn template(&self) -> &'static str {
        self.0.spec().template.name()
    }

    /// How responses were chosen: "unique" or "shared".
    #[getter]
    fn response(&self) -> &'static str {
        self.0.spec().response.response()
    }

    /// The kind of model that the set is for.
    #[getter]
    fn modality(&self) -> &str {
        self.0.spec().modality.as_ref().map_or("text", |modality| &modality.name)
    }

    /// The media type of its keys.
    #[getter]
    fn media(&self) -> &str {
        self.0.spec().media()
    }

    /// Fresh public keys of the same look as the set's, where that is not for language models.
    fn look_alikes<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let spec = self.0.spec();
        let modality = spec.modality.as_ref().ok_or_else(|| {
            PyValueError::new_err("keys of this set are texts: use look_alikes of their source")
        })?;
        let keys = py.detach(|| look_alike_keys(spec.source, modality, n, seed));
        let keys = keys.map_err(from_fingerprint)?;
        Ok(keys.iter().map(|key| PyBytes::new(py, key)).collect())
    }

    /// From what its responses are drawn.
    #[getter]
    fn alphabet(&self) -> PyAlphabet {
        PyAlphabet(self.0.alphabet().clone())
    }

    /// Tokens that an answer must have room for, to hold a response.
    #[getter]
    fn room(&self) -> u64 {
        self.0.alphabet().room()
    }

    /// How many candidates each rank of one key is among, by kind of evidence: "text", "likelihood",
    /// or "shown" by a server; none where that proves nothing.
    fn candidates(&self, evidence: &str, decoys: usize) -> Vec<usize> {
        let alphabet = self.0.alphabet();
        match evidence {
            _ if !self.0.spec().response.proves() => Vec::new(),
            "text" if alphabet.is_words() => vec![1 + decoys],
            "shown" if !alphabet.is_words() => Vec::new(),
            // Colourings are seen in what is said.
            "likelihood" if alphabet.is_signal() => Vec::new(),
            _ => alphabet.sizes().to_vec(),
        }
    }

    /// (rank, candidates, p-value) of each factor of one response, by the scores of all that could
    /// stand there.
    fn rank_scores(
        &self,
        index: isize,
        scores: Vec<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<Vec<RankRow>> {
        let index = self.at(index)?;
        let scores: Vec<Vec<f32>> = scores.iter().map(|list| list.as_array().to_vec()).collect();
        by_scores(self.0.alphabet(), self.0.places(index), &scores)
            .map(rows)
            .map_err(from_statistics)
    }

    /// The same by the tokens that a server's raw answers show: the first for the first word, the
    /// second, if there is one, for the second.
    ///
    /// Raises ValueError, in words that quote nothing, where one shows no probabilities.
    fn rank_shown(
        &self,
        py: Python<'_>,
        index: isize,
        raws: Vec<String>,
        protocol: &str,
    ) -> PyResult<Vec<RankRow>> {
        let (index, set, protocol) = (self.at(index)?, &self.0, parse_protocol(protocol)?);
        let raws: Vec<&str> = raws.iter().map(String::as_str).collect();
        let lead = set.spec().template.lead();
        py.detach(|| rank_shown(set.alphabet(), set.places(index), &raws, protocol, lead))
            .map(rows)
            .map_err(PyValueError::new_err)
    }

    /// The same by an answer: of a text among decoys, of anything else each factor by itself.
    fn rank_answer(
        &self,
        py: Python<'_>,
        index: isize,
        answer: &str,
        label: &[u8],
        decoys: usize,
    ) -> PyResult<Vec<RankRow>> {
        let (index, set) = (self.at(index)?, &self.0);
        if set.alphabet().is_signal() {
            return Ok(rows(vec![py.detach(|| self.tallied(index, [answer]))?.1]));
        }
        py.detach(|| {
            if !set.spec().response.proves() {
                return Ok(Vec::new());
            }
            let place = set.places(index)[0];
            let natural = |asked: &Asked<'_>| by_mention(asked, place, answer);
            if let Some(rank) = set.asked(index, natural) {
                return Ok(vec![rank]);
            }
            if !set.alphabet().is_words() {
                return Ok(by_label(set.alphabet(), set.places(index), answer));
            }
            let rivals = draw_decoys(set.salt(index), label, index as u64, decoys);
            rank_text(answer, set.response(index), &rivals).map(|found| vec![found.rank])
        })
        .map(rows)
        .map_err(from_attest)
    }

    /// Whether an answer holds one response: of a text anywhere, a natural answer before any other
    /// choice of its list, of anything else as a whole.
    fn fired(&self, index: isize, answer: &str) -> PyResult<bool> {
        let index = self.at(index)?;
        if self.0.alphabet().is_signal() {
            return Ok(self.tallied(index, [answer])?.1.rank == 1);
        }
        let first = |asked: &Asked<'_>| mentioned(asked, answer).first().copied();
        if let Some(first) = self.0.asked(index, first) {
            return Ok(first == Some(self.0.places(index)[0]));
        }
        let response = self.0.response(index);
        Ok(match self.0.alphabet().is_words() {
            true => plain(answer).contains(&plain(response)),
            false => answer.trim() == response,
        })
    }

    /// Whether keys are domains, each with many questions.
    #[getter]
    fn is_signal(&self) -> bool {
        self.0.alphabet().is_signal()
    }

    /// All questions of one domain, as they are asked within the template: those that a suspect is
    /// asked come first, in the order that the domain's salt gives.
    ///
    /// Raises ValueError where keys are no domains.
    fn questions(&self, index: isize) -> PyResult<Vec<&'static str>> {
        self.0.questions(self.at(index)?).ok_or_else(no_signal)
    }

    /// What answers to a domain's questions say: the true colouring's (rank, candidates, p-value), how
    /// many distinct pairs of words there are, how many of them are green, and all numbers of green
    /// pairs, each with how many colourings have it.
    ///
    /// Raises ValueError where keys are no domains.
    #[expect(clippy::type_complexity, reason = "four plain values")]
    fn tally(
        &self,
        py: Python<'_>,
        index: isize,
        answers: Vec<String>,
    ) -> PyResult<(RankRow, usize, u16, Vec<(u16, usize)>)> {
        let index = self.at(index)?;
        let answers = answers.iter().map(String::as_str);
        let (tally, rank) = py.detach(|| self.tallied(index, answers))?;
        let green = tally.counts[self.0.places(index)[0]];
        Ok((row(rank), tally.pairs, green, tally.spread()))
    }

    /// The true colouring of one domain over the texts of a vocabulary's tokens.
    ///
    /// Raises ValueError where keys are no domains.
    fn painter(
        &self,
        py: Python<'_>,
        index: isize,
        vocabulary: Vec<String>,
    ) -> PyResult<PyPainter> {
        let index = self.at(index)?;
        let family = self.0.family(index).ok_or_else(no_signal)?;
        let painter = family.painter(self.0.places(index)[0]);
        Ok(PyPainter { painter, vocabulary: py.detach(|| Vocabulary::of(&vocabulary)) })
    }

    /// What tells this derivation from another of the same name.
    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let context = PyDict::new(py);
        for (name, value) in &self.0.spec().context {
            match value {
                ContextValue::Bool(value) => context.set_item(name, value)?,
                ContextValue::Integer(value) => context.set_item(name, value)?,
                ContextValue::Text(value) => context.set_item(name, value)?,
            }
        }
        Ok(context)
    }

    /// What the template puts before and after a key.
    #[getter]
    fn around(&self) -> (&str, &str) {
        self.0.spec().template.around()
    }

    /// What stands between a prompt and its response.
    #[getter]
    fn lead(&self) -> &'static str {
        self.0.spec().lead()
    }

    /// A key, of this set or not, in this set's template.
    fn render(&self, key: &str) -> String {
        self.0.spec().template.render(key)
    }

    /// The same keys with their second responses, for a licensee's copy.
    ///
    /// Raises ValueError where responses are no words, or one is shared.
    fn second(&self, py: Python<'_>) -> PyResult<Self> {
        let made = py.detach(|| self.0.second());
        made.map(|set| Self(Arc::new(set))).ok_or_else(|| {
            PyValueError::new_err("licences need keys and unique responses that are texts")
        })
    }

    /// The probability of a one at each position of a codeword, in parts of 65,536.
    fn biases(&self, coalition: u8) -> PyResult<Vec<u32>> {
        self.0.biases(coalition).map_err(from_fingerprint)
    }

    /// Licensees' codewords, bool (licensees, positions).
    fn codewords<'py>(
        &self,
        py: Python<'py>,
        coalition: u8,
        licensees: Vec<String>,
    ) -> PyResult<Bound<'py, PyArray2<bool>>> {
        let set = &self.0;
        let found = py.detach(|| {
            let code = set.code(coalition)?;
            Ok(licensees.iter().flat_map(|name| set.codeword(&code, name)).collect())
        });
        let found = found.map_err(from_fingerprint)?;
        let shaped = Array2::from_shape_vec((licensees.len(), set.len()), found);
        Ok(shaped.expect("a bit for each position").into_pyarray(py))
    }

    /// The salt of one fingerprint's leaf, as hex.
    fn salt(&self, index: isize) -> PyResult<String> {
        self.at(index).map(|index| hex(self.0.salt(index)))
    }

    /// The publisher's Ed25519 key, in hexadecimal: the one that can claim the set.
    #[getter]
    fn publisher(&self) -> String {
        hex(self.0.publisher())
    }

    /// Responses that could have been that of one fingerprint, drawn under its salt.
    fn decoys(
        &self,
        py: Python<'_>,
        index: isize,
        label: &[u8],
        count: usize,
    ) -> PyResult<Vec<String>> {
        let index = self.at(index)?;
        Ok(py.detach(|| draw_decoys(self.0.salt(index), label, index as u64, count)))
    }

    /// Root of the claim's tree, as hex: it names the set in public.
    #[getter]
    fn root(&self, py: Python<'_>) -> String {
        hex(&py.detach(|| merkle::root(self.0.leaves())))
    }

    /// Leaves of the claim's tree, as hex: they give nothing away.
    fn leaves(&self, py: Python<'_>) -> Vec<String> {
        py.detach(|| self.0.leaves().iter().map(|leaf| hex(leaf)).collect())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<PyFingerprint> {
        self.at(index).map(|index| PyFingerprint { set: Arc::clone(&self.0), index })
    }

    fn __repr__(&self) -> String {
        format!("FingerprintSet({:?}, n={})", self.0.spec().name, self.0.len())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __copy__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(secret())
    }
}

/// One key and its response.
#[pyclass(name = "Fingerprint", module = "ifrs", frozen)]
pub(crate) struct PyFingerprint {
    set: Arc<FingerprintSet>,
    index: usize,
}

#[pymethods]
impl PyFingerprint {
    /// The private key: a text, or what its kind of model makes of the bytes of anything else.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let modality = self.set.spec().modality.as_ref().filter(|given| !given.is_written());
        let Some(modality) = modality else {
            return Ok(self.set.key(self.index).into_pyobject(py)?.into_any());
        };
        let kinds = py.import("ifrs.modalities")?;
        kinds.call_method1("decoded", (&modality.name, self.challenge(py)))
    }

    /// The canonical bytes that the suspect is asked: of a text its prompt in UTF-8.
    #[getter]
    fn challenge<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.set.challenge(self.index).bytes())
    }

    /// The secret response, the key's decryption.
    #[getter]
    fn response(&self) -> &str {
        self.set.response(self.index)
    }

    /// The key in its template.
    #[getter]
    fn prompt(&self) -> Cow<'_, str> {
        self.set.prompt(self.index)
    }

    /// Its place in the set.
    #[getter]
    fn index(&self) -> usize {
        self.index
    }

    /// The response's place in each factor of the alphabet; None for a shared response.
    #[getter]
    fn places<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let places = self.set.places(self.index);
        if places.is_empty() {
            return Ok(None);
        }
        PyTuple::new(py, places).map(Some)
    }

    /// The same, of responses that are words.
    #[getter]
    fn words<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        if self.set.alphabet().is_words() { self.places(py) } else { Ok(None) }
    }

    fn __repr__(&self) -> String {
        format!("Fingerprint({:?}, {})", self.set.spec().name, self.index)
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __copy__(&self) -> PyResult<()> {
        Err(secret())
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(secret())
    }
}

fn rows(ranks: Vec<Rank>) -> Vec<RankRow> {
    ranks.into_iter().map(row).collect()
}

fn no_signal() -> PyErr {
    PyValueError::new_err("keys of this set are no domains")
}

/// Why a secret is neither pickled nor copied.
pub(crate) fn secret() -> PyErr {
    PyTypeError::new_err("fingerprints are secret: keep the keyring and open it where needed")
}
