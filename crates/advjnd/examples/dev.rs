use std::io::{Read, Write};
use advjnd::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (w, h): (usize, usize) = (a[1].parse().unwrap(), a[2].parse().unwrap());
    let n: usize = a[3].parse().unwrap();
    let mut s = Settings::default();
    if let Some(v) = a.get(4) { s.max_iterations = v.parse().unwrap(); }
    if let Some(v) = a.get(5) { s.jnd_scale = v.parse().unwrap(); }
    let mut p = Protector::new(Models::embedded().unwrap(), 0, 0).unwrap();
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let mut buf = vec![0u8; w * h + 2 * cw * ch];
    let mut out = std::fs::File::create("/work/tmp/dev.yuv").unwrap();
    let mut stats = RunStats::default();
    for i in 0..n {
        if std::io::stdin().read_exact(&mut buf).is_err() { break; }
        let clean = buf.clone();
        let (y, c) = buf.split_at_mut(w * h);
        let (u, v) = c.split_at_mut(cw * ch);
        let planes = vec![PlaneMut { data: y, stride: w }, PlaneMut { data: u, stride: cw }, PlaneMut { data: v, stride: cw }];
        let mut f = FrameMut::new(PixelFormat::I420, Colorimetry::default(), w, h, planes).unwrap();
        let r = p.process(&mut f, None, &s).unwrap();
        stats.add(&r);
        print!("{i:4}");
        for t in &r.faces {
            let b = t.bbox;
            let (mut se, mut cnt) = (0.0, 0);
            for yy in (b.y.max(0.0) as usize)..((b.y + b.height) as usize).min(h) {
                for xx in (b.x.max(0.0) as usize)..((b.x + b.width) as usize).min(w) {
                    let d = clean[yy * w + xx] as f64 - buf[yy * w + xx] as f64; se += d * d; cnt += 1;
                }
            }
            print!(" | {} {:?} it{} {:.3}->{:.3} m{:.3} w{:.0} s{:.2} psnrY {:.1}", t.id.0, t.verdict.name(), t.iterations, t.similarity_before, t.similarity_after, t.margin, b.width, t.score, 10.0 * (255.0f64.powi(2) / (se / cnt.max(1) as f64).max(1e-9)).log10());
        }
        println!(" {:?}", r.fault);
        out.write_all(&buf).unwrap();
    }
    println!("{:?}", stats);
}
