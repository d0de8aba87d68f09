//! On whatever strings, every vector unit gives the scores of plain integers, a cutoff only hides,
//! and the sparse outputs are those of the matrix.
#![no_main]

use ifrs_matching::{
    Method, Options, Path, Slice, best_match_with, score_pairs_with, score_with, top_hits_with,
};

libfuzzer_sys::fuzz_target!(|input: (Vec<String>, Vec<String>, u8, u8)| {
    let (mut texts, mut patterns, share, copies) = input;
    patterns.retain(|pattern| !pattern.is_empty());
    if patterns.is_empty() {
        return;
    }
    // Enough text for filters and the index to be worth it, and matches in it.
    texts.extend(patterns.clone());
    let texts: Vec<&str> = (0..=copies).flat_map(|_| texts.iter().map(String::as_str)).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let cutoff = f32::from(share) / 255.0;
    let paths = Path::all();
    for method in [Method::Exact, Method::Partial, Method::Ratio] {
        let on = |path: Path, cutoff: f32| Options {
            cutoff,
            workers: 1,
            path: Some(path),
            ..Options::new(method)
        };
        let slice = Slice(&texts);
        let plain = paths[paths.len() - 1];
        let whole = score_with(&slice, &patterns, &on(plain, 0.0)).unwrap();
        let kept: Vec<f32> = whole.iter().map(|&s| if s < cutoff { 0.0 } else { s }).collect();
        let pairs: Vec<&str> = patterns.iter().copied().cycle().take(texts.len()).collect();
        for &path in &paths {
            assert_eq!(score_with(&slice, &patterns, &on(path, 0.0)).unwrap(), whole);
            let options = on(path, cutoff);
            assert_eq!(score_with(&slice, &patterns, &options).unwrap(), kept);
            let hits = top_hits_with(&slice, &patterns, &options).unwrap();
            assert_eq!(hits.scores.len(), kept.iter().filter(|&&score| score > 0.0).count());
            for ((text, pattern), score) in hits.texts.iter().zip(&hits.patterns).zip(hits.scores) {
                assert_eq!(kept[*text as usize * patterns.len() + *pattern as usize], score);
            }
            let (best, top) = best_match_with(&slice, &patterns, &options).unwrap();
            for (text, row) in kept.chunks(patterns.len()).enumerate() {
                assert_eq!(top[text], row.iter().copied().fold(0.0, f32::max));
                if let Ok(best) = usize::try_from(best[text]) {
                    assert_eq!(row[best], top[text]);
                }
            }
            let paired = score_pairs_with(&slice, &pairs, &options).unwrap();
            for (text, score) in paired.into_iter().enumerate() {
                assert_eq!(score, kept[text * patterns.len() + text % patterns.len()]);
            }
        }
    }
});
